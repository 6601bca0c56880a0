// One file over one data channel: the sender's and the receiver's end. Both
// hash what passes, so that both people can compare the same SHA-256.

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { MAX_FILE_AHEAD } from '../protocol.gen';

export const CHUNK = 64 * 1024; // bytes of one message
export const SLICE = 1024 * 1024; // bytes read from the file at a time
const BLOCK = 4 * 1024 * 1024; // received bytes kept apart before the browser may put them on disk

/** The part of RTCDataChannel that sending needs. */
export interface Outlet extends EventTarget {
  readonly readyState: RTCDataChannelState;
  send(data: string | ArrayBuffer): void;
}

export class TransferBroken extends Error {}

/**
 * sendFile sends a file from offset on and then its SHA-256, which it returns.
 * The server tells how many bytes it has taken; no more than MAX_FILE_AHEAD are
 * sent beyond that, so that a slow receiver holds up nothing else on the
 * connection. While one slice of the file is sent the next is read, so never
 * more than two are in memory. Bytes before offset are read again for the hash
 * only.
 */
export async function sendFile(
  file: Blob,
  channel: Outlet,
  offset: number,
  onSent: (bytes: number) => void,
): Promise<string> {
  let sent = 0;
  let taken = 0;
  const count = (event: Event): void => {
    taken = Number((event as MessageEvent<unknown>).data);
    onSent(offset + taken);
  };
  channel.addEventListener('message', count);
  await until(channel, 'open', () => channel.readyState === 'open');
  const hash = sha256.create();
  const read = (at: number): Promise<ArrayBuffer> => file.slice(at, at + SLICE).arrayBuffer();
  let next = read(0);
  for (let at = 0; at < file.size; at += SLICE) {
    const slice = await next;
    next = read(at + SLICE); // nothing, after the last
    next.catch(() => undefined); // whoever waits for it is told
    hash.update(new Uint8Array(slice));
    for (let from = Math.max(0, offset - at); from < slice.byteLength; from += CHUNK) {
      await until(channel, 'message', () => sent - taken < MAX_FILE_AHEAD);
      const chunk = slice.slice(from, from + CHUNK);
      sent += chunk.byteLength;
      channel.send(chunk);
    }
  }
  channel.removeEventListener('message', count);
  const sum = bytesToHex(hash.digest());
  channel.send(sum);
  return sum;
}

/** until waits for an event that makes a condition true, or for the channel's end. */
function until(channel: Outlet, event: string, condition: () => boolean): Promise<void> {
  if (channel.readyState === 'closing' || channel.readyState === 'closed')
    return Promise.reject(new TransferBroken('channel closed'));
  if (condition()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (end: () => void): void => {
      channel.removeEventListener(event, check);
      channel.removeEventListener('close', broken);
      end();
    };
    const check = (): void => {
      if (condition()) done(resolve);
    };
    const broken = (): void => {
      done(() => {
        reject(new TransferBroken('channel closed'));
      });
    };
    channel.addEventListener(event, check);
    channel.addEventListener('close', broken);
  });
}

export type Outcome = 'more' | 'done' | 'mismatch' | 'overflow';

/** Receipt is what has arrived of a file; it outlives a transfer that breaks. */
export class Receipt {
  received = 0;
  sha256 = '';
  private readonly hash = sha256.create();
  private readonly blocks: Blob[] = [];
  private fresh: Uint8Array<ArrayBuffer>[] = [];
  private freshBytes = 0;

  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** take takes in one message: bytes, or the text with the sender's hash at the end. */
  take(data: string | ArrayBuffer): Outcome {
    if (typeof data === 'string') return this.finish(data);
    if (this.received + data.byteLength > this.size) return 'overflow';
    const chunk = new Uint8Array(data);
    this.hash.update(chunk);
    this.fresh.push(chunk);
    this.freshBytes += chunk.byteLength;
    this.received += chunk.byteLength;
    if (this.freshBytes >= BLOCK) this.pack();
    return 'more';
  }

  /** blob is the whole file; it is never opened by the page, only offered for saving. */
  blob(): Blob {
    this.pack();
    // A neutral type: the browser must save it, not show it.
    return new Blob(this.blocks, { type: 'application/octet-stream' });
  }

  private finish(theirs: string): Outcome {
    if (this.received !== this.size) return 'mismatch';
    this.sha256 = bytesToHex(this.hash.digest());
    return this.sha256 === theirs ? 'done' : 'mismatch';
  }

  private pack(): void {
    if (this.fresh.length === 0) return;
    this.blocks.push(new Blob(this.fresh));
    this.fresh = [];
    this.freshBytes = 0;
  }
}
