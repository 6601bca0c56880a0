// One file over one data channel: the sender's and the receiver's end. Both
// take the fingerprint of what passes, so that both people can compare it.

import { MAX_FILE_AHEAD } from '../protocol.gen';

export const CHUNK = 64 * 1024; // bytes of one message
export const PIECE = 1024 * 1024; // bytes of a file that are read and hashed at once (docs/protocol.md)
const BLOCK = 4 * PIECE; // received bytes kept apart before the browser may put them on disk

/** The part of RTCDataChannel that sending needs. */
export interface Outlet extends EventTarget {
  readonly readyState: RTCDataChannelState;
  send(data: string | Uint8Array<ArrayBuffer>): void;
}

export class TransferBroken extends Error {}

const sha256 = (of: BufferSource): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', of);

/**
 * Fingerprint is the SHA-256 of the SHA-256s of a file's pieces. Browsers hash
 * ten times as fast as a script can, and beside it, but only what is there whole.
 */
export class Fingerprint {
  private readonly pieces: Promise<ArrayBuffer>[] = [];

  /** add takes the next piece, of which the browser makes a copy. */
  add(piece: BufferSource): void {
    this.pieces.push(sha256(piece));
  }

  /** hex is 64 lower-case digits, once all pieces were added. */
  async hex(): Promise<string> {
    const all = new Blob(await Promise.all(this.pieces));
    const sum = new Uint8Array(await sha256(await all.arrayBuffer()));
    return Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}

/**
 * sendFile sends a file from offset on and then its fingerprint, which it returns.
 * The server tells how many bytes it has taken; no more than MAX_FILE_AHEAD are
 * sent beyond that, so that a slow receiver holds up nothing else on the
 * connection. While one piece of the file is sent the next is read, so never
 * more than two are in memory. Bytes before offset are read again for the
 * fingerprint only.
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
  const fingerprint = new Fingerprint();
  const read = (at: number): Promise<ArrayBuffer> => file.slice(at, at + PIECE).arrayBuffer();
  let next = read(0);
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = new Uint8Array(await next);
    next = read(at + PIECE); // nothing, after the last
    next.catch(() => undefined); // whoever waits for it is told
    fingerprint.add(piece);
    for (let from = Math.max(0, offset - at); from < piece.byteLength; from += CHUNK) {
      await until(channel, 'message', () => sent - taken < MAX_FILE_AHEAD);
      const chunk = piece.subarray(from, from + CHUNK);
      sent += chunk.byteLength;
      channel.send(chunk);
    }
  }
  channel.removeEventListener('message', count);
  const sum = await fingerprint.hex();
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

/** Receipt is what has arrived of a file; it outlives a transfer that breaks. */
export class Receipt {
  received = 0;
  sha256 = '';
  private readonly fingerprint = new Fingerprint();
  private readonly blocks: Blob[] = [];
  private readonly block: Uint8Array<ArrayBuffer>; // filled again and again
  private filled = 0;

  readonly size: number;

  constructor(size: number) {
    this.size = size;
    this.block = new Uint8Array(Math.min(size, BLOCK));
  }

  /** take takes in one message; false where it is more than the file has. */
  take(data: ArrayBuffer): boolean {
    if (this.received + data.byteLength > this.size) return false;
    for (let rest = new Uint8Array(data); rest.byteLength > 0;) {
      const start = this.filled - (this.filled % PIECE);
      const part = rest.subarray(0, start + PIECE - this.filled);
      rest = rest.subarray(part.byteLength);
      this.block.set(part, this.filled);
      this.filled += part.byteLength;
      this.received += part.byteLength;
      if (this.filled === start + PIECE || this.received === this.size)
        this.fingerprint.add(this.block.subarray(start, this.filled));
      if (this.filled === this.block.byteLength || this.received === this.size) this.pack();
    }
    return true;
  }

  /** matches says whether all is there, with the sender's fingerprint. */
  async matches(theirs: string): Promise<boolean> {
    if (this.received !== this.size) return false;
    this.sha256 = await this.fingerprint.hex();
    return this.sha256 === theirs;
  }

  /** blob is the whole file; it is never opened by the page, only offered for saving. */
  blob(): Blob {
    // A neutral type: the browser must save it, not show it.
    return new Blob(this.blocks, { type: 'application/octet-stream' });
  }

  private pack(): void {
    this.blocks.push(new Blob([this.block.subarray(0, this.filled)]));
    this.filled = 0;
  }
}
