import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatLine, Joined, Participant, ServerMessage } from '../protocol.gen';
import { addPending, emptyState, reduce, type Notice, type RoomState } from './state';

const room = { office: 'Anagrafe', service: 'CIE', startsAt: '2026-03-02T09:00:00Z', endsAt: '2026-03-02T09:20:00Z' };
const joined = (more: Partial<Joined> = {}): Joined => ({
  type: 'joined',
  peer: 'me',
  name: 'Anna',
  role: 'host',
  resume: 'r',
  resumed: false,
  room,
  participants: [],
  lobby: [],
  chat: [],
  files: [],
  ...more,
});
const mario = (more: Partial<Participant> = {}): Participant => ({
  type: 'participant',
  peer: 'm',
  name: 'Mario',
  role: 'citizen',
  state: 'connected',
  publications: [],
  ...more,
});
const line = (id: string, seq: number, peer = 'm'): ChatLine => ({
  type: 'chatLine',
  seq,
  id,
  peer,
  name: 'Mario',
  text: id,
  at: room.startsAt,
});

void test('who interprets is known and told, but not of oneself', () => {
  const says = (...peers: string[]): ServerMessage => ({ type: 'interpreters', peers });
  const { state, notices } = play(joined(), mario(), says('m', 'me'), says('me'));
  assert.deepEqual(state.interpreters, ['me']);
  assert.deepEqual(
    notices.filter((n) => n.kind.startsWith('interprets')),
    [
      { kind: 'interprets', name: 'Mario' },
      { kind: 'interpretsNot', name: 'Mario' },
    ],
  );
  assert.deepEqual(reduce(state, joined({ resumed: true })).state.interpreters, []);
});

function play(...messages: ServerMessage[]): { state: RoomState; notices: Notice[] } {
  const notices: Notice[] = [];
  let state = emptyState;
  for (const message of messages) {
    const step = reduce(state, message);
    state = step.state;
    notices.push(...step.notices);
  }
  return { state, notices };
}

void test('people come, change and go, and each change is told once', () => {
  const { state, notices } = play(
    joined(),
    mario(),
    mario({ publications: ['camera'] }),
    mario({ publications: ['camera', 'screen'] }),
    mario({ publications: ['camera', 'screen'], state: 'reconnecting' }),
    mario({ publications: ['camera'] }),
    { type: 'assign', slot: 2, peer: 'm' },
    { type: 'left', peer: 'm' },
    { type: 'left', peer: 'm' },
  );
  assert.deepEqual(
    notices.map((n) => n.kind),
    ['joined', 'screenOn', 'reconnecting', 'back', 'screenOff', 'left'],
  );
  assert.deepEqual(state.participants, []);
  assert.deepEqual(state.slots, ['', '', '']);
});

void test('a person is in one slot only', () => {
  const { state } = play(
    joined(),
    { type: 'assign', slot: 0, peer: 'a' },
    { type: 'assign', slot: 1, peer: 'b' },
    { type: 'assign', slot: 1, peer: 'a' },
  );
  assert.deepEqual(state.slots, ['', 'a']);
});

void test('one’s own message is shown at once and only once', () => {
  let { state } = play(joined(), line('c1', 1));
  state = addPending(state, 'mine', 'ciao', room.startsAt);
  assert.equal(state.chat.at(-1)?.pending, true);
  const step = reduce(state, line('mine', 2, 'me'));
  assert.deepEqual(
    step.state.chat.map((c) => [c.id, c.pending ?? false]),
    [
      ['c1', false],
      ['mine', false],
    ],
  );
  assert.deepEqual(step.notices, []);
});

void test('a resume keeps the chat and adds what was missed, in order', () => {
  const { state } = play(
    joined(),
    line('c1', 1),
    line('c2', 5),
    joined({ resumed: true, chat: [line('c3', 7), line('c2', 5)] }),
  );
  assert.deepEqual(
    state.chat.map((c) => c.id),
    ['c1', 'c2', 'c3'],
  );
  assert.equal(state.seen, 7);
});

void test('a new seat forgets the old room but not what was never sent', () => {
  let { state } = play(joined(), line('c1', 1), { type: 'assign', slot: 0, peer: 'm' });
  state = addPending(state, 'mine', 'ciao', room.startsAt);
  state = reduce(state, joined({ peer: 'me2' })).state;
  assert.deepEqual(
    state.chat.map((c) => c.id),
    ['mine'],
  );
  assert.deepEqual(state.slots, []);
});

void test('the lobby tells of those who are new', () => {
  const entry = (session: string, name: string) => ({
    session,
    name,
    role: 'citizen' as const,
    since: room.startsAt,
    away: false,
    online: true,
    device: { camera: 'ok' as const, microphone: 'ok' as const },
  });
  const { notices } = play(
    joined(),
    { type: 'lobby', waiting: [entry('s1', 'Mario')] },
    { type: 'lobby', waiting: [entry('s1', 'Mario'), entry('s2', 'Lucia')] },
    { type: 'lobby', waiting: [entry('s2', 'Lucia')] },
  );
  assert.deepEqual(
    notices.map((n) => n.name),
    ['Mario', 'Lucia'],
  );
});

void test('a file is told of once and goes when withdrawn', () => {
  const file = { type: 'fileOffered' as const, seq: 3, id: 'f', peer: 'm', name: 'a.pdf', size: 9 };
  const { state, notices } = play(joined(), mario(), file, file);
  assert.deepEqual(notices.at(-1), { kind: 'file', name: 'Mario', file: 'a.pdf' });
  assert.equal(notices.filter((n) => n.kind === 'file').length, 1);
  assert.equal(reduce(state, { type: 'fileWithdrawn', id: 'f' }).state.files.length, 0);
});
