// Guests of the demonstration's appointment, without the way through the console.

import { createHash, randomBytes } from 'node:crypto';
import type { Counter } from './harness';

/** invite writes a guest's grant into the database, with a window of its own, and gives the link. */
export function invite(counter: Counter, name: string, from = '-1 hour', to = '1 hour'): string {
  const raw = randomBytes(32);
  const check = createHash('sha256').update(raw).digest().subarray(0, 4);
  const secret = Buffer.concat([raw, check]).toString('base64url');
  const hash = (of: string): string => createHash('sha256').update(of).digest('hex');
  counter.sql(`
    INSERT INTO room_grant (id, hash, appointment_id, role, identity, display_name, not_before, not_after, created_at)
    SELECT gen_random_uuid(), '\\x${hash(secret)}', appointment_id, 'guest', 'guest:' || gen_random_uuid(), '${name}',
           now() + interval '${from}', now() + interval '${to}', now()
    FROM room_grant WHERE hash = '\\x${hash(new URL(counter.citizenLink).hash.slice(1))}'`);
  return `${counter.url}/it/stanza#${secret}`;
}
