import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CHUNK, Receipt, sendFile, SLICE, TransferBroken, type Outlet } from './transfer';

/** A channel that drains only when told to, like a slow network. */
class FakeChannel extends EventTarget implements Outlet {
  readyState: RTCDataChannelState = 'open';
  bufferedAmountLowThreshold = 0;
  bufferedAmount = 0;
  highest = 0;
  readonly sent: (string | ArrayBuffer)[] = [];
  onSend: () => void = () => undefined;

  send(data: string | ArrayBuffer): void {
    this.sent.push(data);
    if (typeof data !== 'string') this.bufferedAmount += data.byteLength;
    this.highest = Math.max(this.highest, this.bufferedAmount);
    this.onSend();
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.dispatchEvent(new Event('bufferedamountlow'));
  }

  close(): void {
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
  }
}

const content = Buffer.from(new Uint8Array(randomBytes(9 * SLICE + 12_345)));
const file = new Blob([content]);
const sum = createHash('sha256').update(content).digest('hex');

/** send runs a transfer over a channel that drains whenever it has filled up. */
async function send(offset: number): Promise<FakeChannel> {
  const channel = new FakeChannel();
  channel.onSend = () => {
    if (channel.bufferedAmount >= 4 * SLICE)
      setImmediate(() => {
        channel.drain();
      });
  };
  assert.equal(await sendFile(file, channel, offset, () => undefined), sum);
  return channel;
}

void test('a file goes over in chunks with backpressure, and both hashes agree', async () => {
  const channel = await send(0);
  const receipt = new Receipt(content.length);
  let last = '';
  for (const data of channel.sent) {
    assert.ok(typeof data === 'string' || data.byteLength <= CHUNK);
    last = receipt.take(data);
  }
  assert.equal(last, 'done');
  assert.equal(receipt.sha256, sum);
  assert.ok(channel.highest < 5 * SLICE, `buffered up to ${channel.highest}`);
  assert.deepEqual(Buffer.from(await receipt.blob().arrayBuffer()), content);
});

void test('a broken transfer goes on from its offset', async () => {
  const receipt = new Receipt(content.length);
  for (const data of (await send(0)).sent.slice(0, 37)) receipt.take(data);
  const rest = await send(receipt.received);
  assert.equal(rest.sent.length, Math.ceil((content.length - 37 * CHUNK) / CHUNK) + 1);
  assert.equal(rest.sent.map((data) => receipt.take(data)).at(-1), 'done');
});

void test('an offset inside a chunk works too', async () => {
  const offset = 3 * SLICE + 777;
  const rest = await send(offset);
  const got = Buffer.concat(rest.sent.flatMap((d) => (typeof d === 'string' ? [] : [Buffer.from(d)])));
  assert.deepEqual(got, content.subarray(offset));
});

void test('the sender waits for a full channel and stops with a closed one', async () => {
  const channel = new FakeChannel();
  const sending = sendFile(file, channel, 0, () => undefined);
  channel.onSend = () => {
    if (channel.bufferedAmount >= 4 * SLICE)
      setImmediate(() => {
        channel.close();
      });
  };
  await assert.rejects(sending, TransferBroken);
  assert.ok(channel.highest < 5 * SLICE);
});

void test('too few bytes, other bytes and too many bytes are noticed', () => {
  const short = new Receipt(10);
  short.take(new ArrayBuffer(9));
  assert.equal(short.take(sum), 'mismatch');
  const other = new Receipt(4);
  other.take(new ArrayBuffer(4));
  assert.equal(other.take(sum), 'mismatch');
  assert.equal(new Receipt(4).take(new ArrayBuffer(5)), 'overflow');
});
