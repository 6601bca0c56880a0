import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { conditionOf, forClerk } from './devices';
import { lines } from './figures';
import { columns, initials, quality } from './layout';
import { withoutCandidates } from './peer';
import { hint, weak } from './quality';
import { whole } from './secret';
import { backoff } from './signaling';
import type { Participant } from './state';

void test('a secret that was cut or changed is noticed before anything is asked', () => {
  const raw = randomBytes(32);
  const secret = Buffer.concat([raw, createHash('sha256').update(raw).digest().subarray(0, 4)]).toString('base64url');
  assert.equal(secret.length, 48);
  assert.ok(whole(secret));
  assert.ok(!whole(secret.slice(0, 47)));
  assert.ok(!whole(`${secret}A`));
  assert.ok(!whole((secret.startsWith('A') ? 'B' : 'A') + secret.slice(1)));
  assert.ok(!whole(secret.slice(0, 47) + '='));
});

void test('tiles come out as large as they can', () => {
  assert.equal(columns(1, 1200, 700), 1);
  assert.equal(columns(2, 1200, 700), 2);
  assert.equal(columns(2, 390, 700), 1);
  assert.equal(columns(4, 1200, 700), 2);
  assert.equal(columns(5, 1600, 700), 3);
  assert.equal(columns(3, 390, 700, 1), 1);
  assert.equal(columns(4, 390, 700, 1), 2);
});

void test('no more picture is asked for than is seen', () => {
  assert.equal(quality(false, 900), 'none');
  assert.equal(quality(true, 0), 'none');
  assert.equal(quality(true, 120), 'low');
  assert.equal(quality(true, 480), 'high');
});

void test('an offer goes without candidates', () => {
  const sdp = 'm=audio 9 UDP\r\na=candidate:0 1 UDP 2122 5e.local 50000 typ host\r\na=mid:0\r\na=end-of-candidates\r\n';
  assert.equal(withoutCandidates(sdp), 'm=audio 9 UDP\r\na=mid:0\r\n');
});

void test('initials', () => {
  assert.equal(initials('Mario Rossi'), 'MR');
  assert.equal(initials("Lucia Maria D'Amico"), 'LA');
  assert.equal(initials('ufficio'), 'U');
  assert.equal(initials('😀 Bianchi'), '😀B');
  assert.equal(initials(''), '');
});

void test('reconnecting waits longer each time, up to about 8 seconds', () => {
  const middle = (): number => 0.5;
  assert.deepEqual(
    [0, 1, 2, 3, 9].map((n) => backoff(n, middle)),
    [0, 500, 1000, 2000, 8000],
  );
  assert.ok(backoff(20, () => 1) <= 10_000);
});

void test('errors of the devices become conditions that have a text', () => {
  const named = (name: string): DOMException => new DOMException('x', name);
  assert.equal(conditionOf(named('NotAllowedError')), 'denied');
  assert.equal(conditionOf(named('NotFoundError')), 'missing');
  assert.equal(conditionOf(named('NotReadableError')), 'busy');
  assert.equal(forClerk('busy'), 'unknown');
});

void test('a connection is weak when much is lost or the way is long', () => {
  const at = (received: number, lost: number, rtt: number) => ({ received, lost, rtt });
  assert.ok(!weak(at(0, 0, 0.05), at(500, 5, 0.05)));
  assert.ok(weak(at(0, 0, 0.05), at(500, 60, 0.05)));
  assert.ok(weak(at(0, 0, 0.05), at(500, 0, 0.8)));
  assert.ok(!weak(at(500, 60, 0.05), at(1000, 60, 0.05)));
});

void test("the hint says the worst that is known of one's own connection", () => {
  const own = (level: 'good' | 'weak' | 'bad', reduced = false) =>
    ({ type: 'connection', peer: 'me', level, sending: 'good' as const, reduced }) as const;
  assert.equal(hint(undefined, false), null);
  assert.equal(hint(own('good'), false), null);
  assert.equal(hint(undefined, true), 'room.banner.weak');
  assert.equal(hint(own('weak'), false), 'room.banner.weak');
  assert.equal(hint(own('weak', true), false), 'room.banner.reduced');
  assert.equal(hint(own('bad', true), true), 'room.banner.bad');
  assert.equal(hint(own('bad'), true, true), 'room.banner.paused');
});

void test('the connection in figures, person by person', () => {
  const stream = { source: 'camera', layer: 'low', bitrate: 149_600, loss: 0.031, jitter: 7, keyframes: 0 } as const;
  const slot = { ...stream, wanted: 'high', freezes: 0 } as const;
  const voice = { ...slot, source: 'microphone', layer: 'high', bitrate: 31_700, loss: 0 } as const;
  const person = (peer: string, name: string): Participant => ({
    peer,
    name,
    role: 'citizen',
    publications: [],
    state: 'connected',
  });
  const state = {
    slots: ['b', 'a'],
    participants: [person('a', 'Ada Rossi'), person('b', 'Bo Neri'), person('c', 'Cy')],
  };
  const all = lines(
    {
      type: 'statistics',
      rtt: 24,
      estimate: 2_400_000,
      sends: [stream],
      slots: [
        { ...voice, slot: 0 },
        { ...slot, slot: 0, freezes: 2 },
        { ...voice, slot: 1, bitrate: 40_000 },
      ],
    },
    state,
  );
  assert.deepEqual(all, [
    'Andata e ritorno fino al servizio: 24 ms',
    'Verso di te passano circa 2400 kbit/s',
    'Ada Rossi: voce 40 kbit/s, perso il 0 %',
    'Bo Neri: voce 32 kbit/s, perso il 0 %; immagine piccola 150 kbit/s, perso il 3 %, interruzioni: 2',
    'Da te: immagine piccola 150 kbit/s, perso il 3 %',
  ]);
  assert.deepEqual(lines({ type: 'statistics', rtt: 0, estimate: 0, sends: [], slots: [] }, state), []);
});
