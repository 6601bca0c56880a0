import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode } from './protocol';
import { emptyState, reduce } from './state';

// The same examples that the server's tests decode and encode.
const folder = 'signaling/protocol/testdata/server';

const example = (name: string): string => readFileSync(`${folder}/${name}.json`, 'utf8');

void test('every message of the server is known', () => {
  const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));
  assert.ok(names.length >= 21);
  for (const name of names) assert.equal(decode(example(name))?.type, name);
});

void test('what is no message is refused', () => {
  for (const data of [
    '',
    '{',
    'null',
    '[]',
    '"joined"',
    '{"type":1}',
    '{"type":"toString"}',
    '{"type":"later"}',
    7,
    new ArrayBuffer(2),
  ]) {
    assert.equal(decode(data), null);
  }
});

void test('the example of joined opens a room', () => {
  const message = decode(example('joined'));
  assert.ok(message);
  const { state } = reduce(emptyState, message);
  assert.deepEqual(state.self, { peer: 'p1', name: 'Anna Bianchi', role: 'host' });
  assert.equal(state.participants[0]?.name, 'Mario Rossi');
  assert.equal(state.lobby[0]?.device.microphone, 'denied');
  assert.equal(state.chat[0]?.text, 'Buongiorno');
  assert.equal(state.files[0]?.name, 'ricevuta.pdf');
  assert.equal(state.seen, 4);
});
