// What two browsers can do alone: bytes over a data channel from one to the
// other with no server between them, in messages and with a window as a file's
// (web/src/room/transfer.ts). Neither disk nor checksum is in it.

import type { Browser, Page } from 'playwright-core';
import { MAX_FILE_AHEAD } from '../src/protocol.gen';
import { CHUNK } from '../src/room/transfer';

interface Ends {
  ends: { pc: RTCPeerConnection; channel: RTCDataChannel; came: Promise<number> };
}

/** directly sends so many bytes and returns MB/s, counted where they come. */
export async function directly(from: Browser, to: Browser, size: number): Promise<number> {
  const pages = await Promise.all([from, to].map((b) => b.newPage()));
  try {
    const [sender, receiver] = pages as [Page, Page];
    for (const page of pages) await page.evaluate(prepare, { size, chunk: CHUNK });
    const offer = await sender.evaluate(describe, null);
    const answer = await receiver.evaluate(describe, offer);
    await sender.evaluate(send, { answer, size, chunk: CHUNK, ahead: MAX_FILE_AHEAD });
    const ms = await receiver.evaluate(() => (window as unknown as Ends).ends.came);
    return size / 1000 / ms;
  } finally {
    for (const page of pages) await page.close();
  }
}

/** prepare makes an end, which tells what it has taken as the server does. */
function prepare({ size, chunk }: { size: number; chunk: number }): void {
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel('direct', { negotiated: true, id: 0 });
  channel.binaryType = 'arraybuffer';
  const came = new Promise<number>((resolve) => {
    const kept: ArrayBuffer[] = [];
    let [taken, start] = [0, 0];
    channel.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') return;
      if (taken === 0) start = performance.now();
      kept.push(data);
      taken += data.byteLength;
      if (taken % chunk === 0) channel.send(String(taken));
      if (taken >= size) resolve(performance.now() - start);
    });
  });
  (window as unknown as Ends).ends = { pc, channel, came };
}

/** describe offers or, to an offer, answers; all candidates are in it. */
async function describe(offer: string | null): Promise<string> {
  const { pc } = (window as unknown as Ends).ends;
  if (offer !== null) await pc.setRemoteDescription({ type: 'offer', sdp: offer });
  const gathered = new Promise<void>((resolve) => {
    pc.addEventListener('icegatheringstatechange', () => {
      if (pc.iceGatheringState === 'complete') resolve();
    });
  });
  await pc.setLocalDescription();
  await gathered;
  return pc.localDescription?.sdp ?? '';
}

async function send(o: { answer: string; size: number; chunk: number; ahead: number }): Promise<void> {
  const { pc, channel } = (window as unknown as Ends).ends;
  await pc.setRemoteDescription({ type: 'answer', sdp: o.answer });
  if (channel.readyState !== 'open') {
    await new Promise((resolve) => {
      channel.addEventListener('open', resolve);
    });
  }
  let [sent, taken] = [0, 0];
  let wake = (): void => undefined;
  channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    taken = Number(data);
    wake();
  });
  while (sent < o.size) {
    if (sent - taken >= o.ahead) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const bytes = new ArrayBuffer(Math.min(o.chunk, o.size - sent));
    channel.send(bytes);
    sent += bytes.byteLength;
  }
}
