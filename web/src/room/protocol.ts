// Decoding of what the server says: the generated types, checked at the door.

import type { ServerMessage } from '../protocol.gen';

const known: Readonly<Record<ServerMessage['type'], true>> = {
  hello: true,
  waiting: true,
  joined: true,
  participant: true,
  left: true,
  lobby: true,
  lobbyNotice: true,
  answer: true,
  assign: true,
  moreSlots: true,
  layers: true,
  codec: true,
  paused: true,
  interpreters: true,
  chatLine: true,
  fileOffered: true,
  fileWithdrawn: true,
  transfer: true,
  transferEnded: true,
  fileDelivered: true,
  speaking: true,
  connection: true,
  statistics: true,
  ended: true,
  pong: true,
  error: true,
};

/**
 * decode reads one frame. A message of a type that this page does not know is
 * null: a newer server may say more, and the rest still works.
 */
export function decode(data: unknown): ServerMessage | null {
  if (typeof data !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return null;
  const type = value.type;
  return typeof type === 'string' && Object.hasOwn(known, type) ? (value as ServerMessage) : null;
}
