// The hint about the connection: in words and with a sign, to whose it is and
// to the others; it comes from the server and goes again. And what the server
// makes do with where a line is narrow: cameras in layers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { accessible, desktop, eventually, flows, meet, newPage, phone, picture, startSite } from './harness';

const site = startSite();

/** sent lists the pictures a page sends, as its browser counts them. */
async function sent(page: Page): Promise<{ rid: string; mode: string; frames: number }[]> {
  return page.evaluate(async () => {
    const list: { rid: string; mode: string; frames: number }[] = [];
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    for (const raw of ((await pc?.getStats())?.values() ?? []) as Iterable<RTCStats>) {
      if (raw.type !== 'outbound-rtp') continue;
      const s = raw as RTCOutboundRtpStreamStats & { scalabilityMode?: string };
      if (s.kind === 'video' && s.framesSent)
        list.push({ rid: s.rid ?? '', mode: s.scalabilityMode ?? '', frames: s.framesSent });
    }
    return list;
  });
}

/** unreported lists the kinds of sections whose way is not reported by transport-wide feedback. */
async function unreported(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    const sections = (pc?.currentRemoteDescription?.sdp ?? 'm=none').split(/^(?=m=)/m);
    return sections
      .filter((s) => /^m=(?:audio|video|none)/.test(s))
      .filter((s) => !s.includes('transport-wide-cc') || !/^a=rtcp-fb:\d+ transport-cc/m.test(s))
      .map((s) => s.slice(2, 7));
  });
}

void test('a weak connection is told in words', { timeout: 120_000 }, async () => {
  const { page: citizen, errors } = await newPage(site.browser, { ...phone, viewport: { width: 320, height: 568 } });
  const { page: clerk } = await newPage(site.browser, desktop);
  // What a bad network makes the server say is said in its place, to both pages.
  for (const page of [citizen, clerk])
    await page.addInitScript(() => {
      const sockets: WebSocket[] = [];
      Object.assign(window, {
        say: (message: object) => {
          const event = new MessageEvent('message', { data: JSON.stringify(message) });
          sockets.at(-1)?.dispatchEvent(event);
        },
      });
      const Socket = WebSocket;
      window.WebSocket = new Proxy(Socket, {
        construct(target, args: ConstructorParameters<typeof WebSocket>) {
          const made = new target(...args);
          sockets.push(made);
          return made;
        },
      });
    });
  await meet(site.counter, citizen, clerk);
  await eventually(
    'the camera comes in three temporal layers, of which the server can leave some out',
    () => sent(citizen),
    (all) => ['l', 'h'].every((rid) => all.some((s) => s.rid === rid && s.mode === 'L1T3' && s.frames > 10)),
  );
  await flows(clerk, 'the clerk', 1);
  assert.deepEqual(await unreported(citizen), [], 'all is reported by transport-wide feedback');
  await clerk.click('[data-command=people]');
  const peer = await clerk.locator('.person[data-peer]').getAttribute('data-peer');
  const say = { type: 'connection', peer, level: 'bad', sending: 'weak', reduced: true };
  for (const page of [citizen, clerk])
    await page.evaluate((m) => {
      (window as unknown as { say: (message: object) => void }).say(m);
    }, say);
  await citizen.waitForSelector('.weak:not([hidden]):has-text("Connessione molto debole")');
  await citizen.waitForSelector('[role=status]:has-text("Connessione molto debole")', { state: 'attached' });
  await clerk.waitForSelector('.person:has-text("connessione molto debole")');
  assert.equal(await clerk.locator('.weak').isVisible(), false, 'the clerk’s own is good');
  await clerk.waitForSelector('.tile:not(.mine) .tile-weak:has-text("connessione debole")');
  // The figures are the server's own, and change with what flows.
  await clerk.click('.figures summary');
  await clerk.waitForSelector('.figures li:has-text("voce"):has-text("immagine")');
  await clerk.waitForSelector('.figures li:has-text("Da te:")');
  const figures = (): Promise<string[]> => clerk.locator('.figures li').allTextContents();
  const first = await figures();
  await eventually('other figures', figures, (now) => now.length > 2 && now.join() !== first.join());
  await picture(clerk, 'figures-1280');
  await accessible(clerk, 'the connection in figures');
  await clerk.setViewportSize({ width: 320, height: 568 });
  await picture(clerk, 'figures-320');
  await clerk.setViewportSize({ width: 1280, height: 800 });
  await picture(citizen, 'quality-320');
  await picture(clerk, 'quality-1280');
  await accessible(citizen, 'the hint on a phone');
  const tell = (message: object): Promise<void> =>
    citizen.evaluate((m) => {
      (window as unknown as { say: (message: object) => void }).say(m);
    }, message);
  await tell({ type: 'paused', cameras: [0], screens: [] });
  await citizen.waitForSelector('.tile-paused:not([hidden]):has-text("Video in pausa")');
  await citizen.waitForSelector('[role=status]:has-text("per ora solo l’audio")', { state: 'attached' });
  await picture(citizen, 'paused-320');
  await accessible(citizen, 'a paused picture on a phone');
  await tell({ type: 'paused', cameras: [], screens: [] });
  await citizen.waitForSelector('.tile-paused', { state: 'hidden' });
  // A screen that is held back says so itself, and the face beside it does not.
  await clerk.keyboard.press('Escape');
  await clerk.click('[data-command=screen]');
  await citizen.waitForSelector('.screen-tile');
  const box = async (of: string): Promise<{ y: number; bottom: number }> => {
    const { y, height } = (await citizen.locator(of).first().boundingBox()) ?? { y: NaN, height: NaN };
    return { y, bottom: y + height };
  };
  const [hint, told] = [await box('.weak'), await box('.toast')];
  assert.ok(told.y >= hint.bottom, 'what happens is told below what is said of the line');
  await tell({ type: 'paused', cameras: [], screens: [0] });
  await citizen.waitForSelector('.screen-tile .tile-paused:not([hidden]):has-text("Schermo in pausa")');
  assert.equal(await citizen.locator('.cameras .tile-paused:visible').count(), 0);
  await picture(citizen, 'paused-screen-320');
  const [video, caption] = [await box('.screen-tile video'), await box('.screen-tile figcaption')];
  assert.ok(caption.y >= video.bottom, 'whose screen it is stands below it');
  await accessible(citizen, 'a paused screen on a phone');
  await tell({ type: 'paused', cameras: [], screens: [] });
  await citizen.waitForSelector('.screen-tile .tile-paused', { state: 'hidden' });
  await tell({ ...say, level: 'good', sending: 'good', reduced: false });
  await citizen.waitForSelector('.weak', { state: 'hidden' });
  assert.deepEqual(errors, []);
});
