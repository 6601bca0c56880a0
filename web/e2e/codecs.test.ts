// Calls in other codecs than VP8, where the settings allow them and everybody in
// the room has them. Decoded frames are counted by the browsers themselves.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { desktop, eventually, flows, meet, newPage, startBrowser, startCounter } from './harness';

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
/** decoded counts the frames of the pictures that a page gets, by codec. */
async function decoded(page: Page): Promise<Record<string, number>> {
  return page.evaluate(async () => {
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    const stats = await pc?.getStats();
    const found: Record<string, number> = {};
    for (const raw of (stats?.values() ?? []) as Iterable<RTCStats>) {
      if (raw.type !== 'inbound-rtp') continue;
      const s = raw as RTCInboundRtpStreamStats;
      if (s.kind !== 'video' || !s.codecId) continue;
      const codec = (stats?.get(s.codecId) as { mimeType: string }).mimeType;
      found[codec] = (found[codec] ?? 0) + (s.framesDecoded ?? 0);
    }
    return found;
  });
}

/** shows waits until a page decodes more and more frames of a codec. */
async function shows(page: Page, who: string, codec: string): Promise<void> {
  const start = (await decoded(page))[codec] ?? 0;
  await eventually(
    `${who} sees pictures in ${codec}`,
    () => decoded(page),
    (now) => (now[codec] ?? 0) >= start + 15,
    60_000,
  );
}

/** layers says in how many sizes a page sends its camera, and in which codec. */
async function layers(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    const stats = await pc?.getStats();
    const found: string[] = [];
    for (const raw of (stats?.values() ?? []) as Iterable<RTCStats>) {
      if (raw.type !== 'outbound-rtp') continue;
      const s = raw as RTCOutboundRtpStreamStats;
      if (s.kind !== 'video' || !s.codecId || !s.rid || !s.framesSent) continue;
      found.push(`${s.rid} ${(stats?.get(s.codecId) as { mimeType: string }).mimeType}`);
    }
    return found.sort();
  });
}

for (const [codec, mime] of [
  ['vp9', 'video/VP9'],
  ['h264', 'video/H264'],
  ['av1', 'video/AV1'],
] as const) {
  void test(
    `two people call each other in ${codec}, and in VP8 while somebody has nothing else`,
    { timeout: 240_000 },
    async (t) => {
      const counter = await startCounter({ SPORTELLO_VIDEO_CODECS: `${codec},vp8` });
      const contexts: BrowserContext[] = [];
      try {
        const { page: citizen, context: c1 } = await newPage(browser, desktop);
        const { page: clerk, context: c2 } = await newPage(browser, desktop);
        contexts.push(c1, c2);
        await meet(counter, citizen, clerk);
        await flows(citizen, 'the citizen', 1);
        await shows(citizen, 'the citizen', mime);
        await shows(clerk, 'the clerk', mime);
        t.diagnostic(
          `the clerk sends ${(await layers(clerk)).join(', ')}; the citizen decoded ${JSON.stringify(await decoded(citizen))}`,
        );
        assert.deepEqual(await layers(clerk), [`h ${mime}`, `l ${mime}`]);

        // The same person on an old phone, which has VP8 alone, takes the seat.
        const { page: old, context: c3 } = await newPage(browser, desktop);
        contexts.push(c3);
        await old.addInitScript(() => {
          const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
          RTCRtpReceiver.getCapabilities = (kind) => {
            const found = all(kind);
            return found && { ...found, codecs: found.codecs.filter((x) => !/h264|vp9|av1/i.test(x.mimeType)) };
          };
        });
        await old.goto(counter.citizenLink);
        await old.click('[data-action=enter]');
        await eventually(
          'the old phone is in the room',
          async () => {
            const waiting = clerk.locator('[data-action=lobby-bar]');
            if (await waiting.isVisible()) await waiting.click();
            return old.locator('[data-view=call]').count();
          },
          (n) => n === 1,
        );
        await shows(old, 'the old phone', 'video/VP8');
        await shows(clerk, 'the clerk', 'video/VP8');
        await flows(old, 'the old phone', 1);
        assert.equal((await decoded(old))[mime] ?? 0, 0);
      } finally {
        for (const context of contexts) await context.close();
        await counter.stop();
      }
    },
  );
}
