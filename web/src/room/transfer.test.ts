import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MAX_FILE_AHEAD } from '../protocol.gen';
import { CHUNK, PIECE, Receipt, sendFile, TransferBroken, type Outlet } from './transfer';

/** A channel whose server takes the bytes when told to, like one with a slow receiver. */
class FakeChannel extends EventTarget implements Outlet {
  readyState: RTCDataChannelState = 'open';
  bytes = 0;
  taken = 0;
  highest = 0;
  readonly sent: (string | ArrayBuffer)[] = []; // as it comes at the other end
  onSend: () => void = () => undefined;

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.sent.push(typeof data === 'string' ? data : data.slice().buffer);
    if (typeof data !== 'string') this.bytes += data.byteLength;
    this.highest = Math.max(this.highest, this.bytes - this.taken);
    this.onSend();
  }

  take(): void {
    this.taken = this.bytes;
    this.dispatchEvent(new MessageEvent('message', { data: String(this.taken) }));
  }

  close(): void {
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
  }
}

const content = Buffer.from(new Uint8Array(randomBytes(9 * PIECE + 12_345)));
const file = new Blob([content]);

/** As docs/protocol.md has it. */
function fingerprint(of: Buffer): string {
  const hash = (b: Buffer): Buffer => createHash('sha256').update(b).digest();
  const pieces: Buffer[] = [];
  for (let at = 0; at < of.length; at += PIECE) pieces.push(hash(of.subarray(at, at + PIECE)));
  return hash(Buffer.concat(pieces)).toString('hex');
}

const sum = fingerprint(content);

/** receive takes messages in and says how the transfer ended, if it did. */
async function receive(receipt: Receipt, messages: readonly (string | ArrayBuffer)[]): Promise<boolean | undefined> {
  for (const data of messages) {
    if (typeof data === 'string') return receipt.matches(data);
    assert.ok(data.byteLength <= CHUNK && receipt.take(data));
  }
  return undefined;
}

/** send runs a transfer whose bytes are taken whenever the sender waits for it. */
async function send(offset: number): Promise<FakeChannel> {
  const channel = new FakeChannel();
  channel.onSend = () => {
    if (channel.bytes - channel.taken >= MAX_FILE_AHEAD)
      setImmediate(() => {
        channel.take();
      });
  };
  const progress: number[] = [];
  assert.equal(await sendFile(file, channel, offset, (bytes) => progress.push(bytes)), sum);
  assert.ok(progress.length > 0 && progress.every((bytes) => bytes > offset && bytes <= file.size));
  return channel;
}

void test('a file goes over in chunks with backpressure, and both fingerprints agree', async () => {
  const channel = await send(0);
  const receipt = new Receipt(content.length);
  assert.equal(await receive(receipt, channel.sent), true);
  assert.equal(receipt.sha256, sum);
  assert.ok(channel.highest < MAX_FILE_AHEAD + CHUNK, `${channel.highest} bytes ahead`);
  assert.deepEqual(Buffer.from(await receipt.blob().arrayBuffer()), content);
});

void test('a broken transfer goes on from its offset', async () => {
  const receipt = new Receipt(content.length);
  assert.equal(await receive(receipt, (await send(0)).sent.slice(0, 37)), undefined);
  const rest = await send(receipt.received);
  assert.equal(rest.sent.length, Math.ceil((content.length - 37 * CHUNK) / CHUNK) + 1);
  assert.equal(await receive(receipt, rest.sent), true);
  assert.deepEqual(Buffer.from(await receipt.blob().arrayBuffer()), content);
});

void test('an offset inside a chunk works too', async () => {
  const offset = 3 * PIECE + 777;
  const rest = await send(offset);
  const got = Buffer.concat(rest.sent.flatMap((d) => (typeof d === 'string' ? [] : [Buffer.from(d)])));
  assert.deepEqual(got, content.subarray(offset));
});

void test('the sender waits for the server to take what it sent, and stops with a closed channel', async () => {
  const channel = new FakeChannel();
  const sending = sendFile(file, channel, 0, () => undefined);
  channel.onSend = () => {
    if (channel.bytes >= MAX_FILE_AHEAD)
      setImmediate(() => {
        channel.close();
      });
  };
  await assert.rejects(sending, TransferBroken);
  assert.ok(channel.highest < MAX_FILE_AHEAD + CHUNK);
});

void test('messages of any size make the same pieces', async () => {
  const receipt = new Receipt(content.length);
  for (let at = 0; at < content.length; at += 50_021)
    assert.ok(receipt.take(new Uint8Array(content.subarray(at, at + 50_021)).buffer));
  assert.equal(await receipt.matches(sum), true);
  assert.deepEqual(Buffer.from(await receipt.blob().arrayBuffer()), content);
});

void test('too few bytes, other bytes and too many bytes are noticed', async () => {
  const short = new Receipt(10);
  short.take(new ArrayBuffer(9));
  assert.equal(await short.matches(sum), false);
  const other = new Receipt(4);
  other.take(new ArrayBuffer(4));
  assert.equal(await other.matches(sum), false);
  assert.equal(new Receipt(4).take(new ArrayBuffer(5)), false);
});
