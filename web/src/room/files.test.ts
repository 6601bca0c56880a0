import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { ClientMessage, Transfer } from '../protocol.gen';
import { Files } from './files';
import { Fingerprint } from './transfer';

class FakeChannel extends EventTarget {
  readyState = 'open';
  bufferedAmount = 0;
  binaryType = '';
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: unknown[] = [];
  readonly label: string;

  constructor(label: string) {
    super();
    this.label = label;
  }
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {
    this.readyState = 'closed';
  }
  receive(data: unknown): void {
    this.onmessage?.({ data });
  }
  breakOff(): void {
    this.close();
    this.onclose?.();
  }
}

const bytes = Buffer.from('Certificato di residenza');
const sha256 = (of: Buffer): Buffer => createHash('sha256').update(of).digest();
const sum = sha256(sha256(bytes)).toString('hex'); // of one piece
const buffer = (from: number, to: number): ArrayBuffer => new Uint8Array(bytes.subarray(from, to)).buffer;

function end(
  limit = 1000,
  online: () => boolean = () => true,
): {
  files: Files;
  sent: ClientMessage[];
  channels: FakeChannel[];
  done: [string, boolean][];
} {
  const sent: ClientMessage[] = [];
  const channels: FakeChannel[] = [];
  const done: [string, boolean][] = [];
  const files = new Files({
    send: (message) => online() && sent.push(message) > 0,
    channel: (label) => {
      const channel = new FakeChannel(label);
      channels.push(channel);
      return channel as unknown as RTCDataChannel;
    },
    limit: () => limit,
    onChange: () => undefined,
    onDone: (name, damaged) => done.push([name, damaged]),
    newId: () => 'f1',
  });
  return { files, sent, channels, done };
}

const offered = { seq: 1, id: 'f1', peer: 'other', name: 'a.pdf', size: bytes.length };
const transfer = (id: string, direction: 'send' | 'receive', offset = 0): Transfer => ({
  type: 'transfer',
  transfer: id,
  file: 'f1',
  peer: 'other',
  direction,
  offset,
});
/** settled waits until what was received has been compared with the sender's word. */
async function settled(files: Files): Promise<void> {
  while (files.incoming.get('f1')?.status === 'receiving') await new Promise((resolve) => setImmediate(resolve));
}
const channelOf = (label: string): { fake: FakeChannel; real: RTCDataChannel } => {
  const fake = new FakeChannel(label);
  return { fake, real: fake as unknown as RTCDataChannel };
};

/** arriving is an end that has accepted a file, and its channel is open. */
function arriving(): ReturnType<typeof end> & { fake: ReturnType<typeof channelOf>['fake'] } {
  const all = end();
  all.files.sync([offered], 'me');
  all.files.accept('f1');
  all.files.started(transfer('t1', 'receive'));
  const { fake, real } = channelOf('file/t1');
  all.files.channelOpened(real);
  return { ...all, fake };
}

void test('files that are too large or empty are never offered', () => {
  const { files, sent } = end(10);
  assert.equal(files.offer(new File([bytes], 'a.pdf'), 'me'), 'too-large');
  assert.equal(files.offer(new File([], 'b.pdf'), 'me'), 'empty');
  assert.deepEqual(sent, []);
});

void test('the sender sends the bytes and their hash, and learns what arrived', async () => {
  const { files, channels } = end();
  assert.equal(files.offer(new File([bytes], 'a.pdf'), 'me'), 'offered');
  files.started(transfer('t1', 'send'));
  const out = files.outgoing.get('f1');
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (out?.deliveries[0]?.status === 'sent') resolve();
      else setImmediate(look);
    };
    look();
  });
  assert.deepEqual(
    channels.map((c) => [c.label, c.sent.at(-1)]),
    [['file/t1', sum]],
  );
  files.delivered('t1', sum);
  assert.deepEqual(
    out?.deliveries.map((d) => [d.status, d.sha256]),
    [['delivered', sum]],
  );
});

void test('the channel may come before the word about it', async () => {
  const { files, sent, done } = end();
  files.sync([offered], 'me');
  files.accept('f1');
  const { fake, real } = channelOf('file/t1');
  files.channelOpened(real);
  files.started(transfer('t1', 'receive'));
  fake.receive(buffer(0, bytes.length));
  fake.receive(sum);
  await settled(files);
  const item = files.incoming.get('f1');
  assert.deepEqual([item?.status, item?.sha256], ['done', sum]);
  assert.deepEqual(done, [['a.pdf', false]]);
  assert.deepEqual(sent.at(-1), { type: 'fileReceived', transfer: 't1', sha256: sum });
});

void test('what arrived while the server could not be told is told afterwards, once', async () => {
  let online = true;
  const { files, sent } = end(1000, () => online);
  files.sync([offered], 'me');
  files.accept('f1');
  files.started(transfer('t1', 'receive'));
  const { fake, real } = channelOf('file/t1');
  files.channelOpened(real);
  online = false; // the socket is away, the media connection is not
  fake.receive(buffer(0, bytes.length));
  fake.receive(sum);
  await settled(files);
  files.goOn();
  online = true;
  files.goOn();
  files.goOn();
  assert.deepEqual(sent.slice(1), [{ type: 'fileReceived', transfer: 't1', sha256: sum }]);
});

void test('after a break the receiver asks for the rest and gets the whole', async () => {
  const { files, sent } = end();
  files.sync([offered], 'me');
  files.accept('f1');
  files.started(transfer('t1', 'receive'));
  const first = channelOf('file/t1');
  files.channelOpened(first.real);
  first.fake.receive(buffer(0, 7));
  first.fake.breakOff();
  assert.equal(files.incoming.get('f1')?.status, 'interrupted');
  files.goOn();
  assert.deepEqual(sent.at(-1), { type: 'acceptFile', id: 'f1', offset: 7 });
  files.started(transfer('t2', 'receive', 7));
  const second = channelOf('file/t2');
  files.channelOpened(second.real);
  second.fake.receive(buffer(7, bytes.length));
  second.fake.receive(sum);
  await settled(files);
  assert.equal(files.incoming.get('f1')?.status, 'done');
});

void test('a channel that ends while the file is compared interrupts nothing, a withdrawal does', async () => {
  for (const [what, status] of [
    ['ends', 'done'],
    ['is stopped', 'cancelled'],
  ] as const) {
    const { files, sent, fake } = arriving();
    fake.receive(buffer(0, bytes.length));
    fake.receive(sum);
    if (what === 'ends') fake.breakOff();
    else files.cancel('f1');
    assert.equal(files.incoming.get('f1')?.status, what === 'ends' ? 'receiving' : 'cancelled');
    await settled(files);
    // The comparison, if it goes on, is over when another one is that began later.
    const later = new Fingerprint();
    later.add(bytes);
    await later.hex();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(files.incoming.get('f1')?.status, status);
    assert.equal(sent.at(-1)?.type, what === 'ends' ? 'fileReceived' : 'cancelTransfer');
  }
});

void test('a file that arrives changed is not offered for saving', async () => {
  const { files, done, fake } = arriving();
  fake.receive(buffer(0, bytes.length));
  fake.receive(sum.replace(/./, (c) => (c === '0' ? '1' : '0')));
  await settled(files);
  assert.equal(files.incoming.get('f1')?.status, 'damaged');
  assert.equal(files.incoming.get('f1')?.url, '');
  assert.deepEqual(done, [['a.pdf', true]]);
});

void test('a withdrawn file is gone, a received one stays', () => {
  const { files } = end();
  files.sync([offered, { ...offered, id: 'f2' }], 'me');
  const kept = files.incoming.get('f2');
  if (kept) kept.status = 'done';
  files.sync([], 'me');
  assert.equal(files.incoming.get('f1')?.status, 'gone');
  assert.equal(kept?.status, 'done');
});
