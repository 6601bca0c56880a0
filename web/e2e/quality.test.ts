// The hint about the connection: in words and with a sign, to whose it is and
// to the clerk; it comes from the server and goes again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, desktop, meet, newPage, phone, picture, startSite } from './harness';

const site = startSite();

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
  await clerk.click('[data-command=people]');
  const peer = await clerk.locator('.person[data-peer]').getAttribute('data-peer');
  const say = { type: 'connection', peer, level: 'bad', reduced: true };
  for (const page of [citizen, clerk])
    await page.evaluate((m) => {
      (window as unknown as { say: (message: object) => void }).say(m);
    }, say);
  await citizen.waitForSelector('.weak:not([hidden]):has-text("Connessione molto debole")');
  await citizen.waitForSelector('[role=status]:has-text("Connessione molto debole")', { state: 'attached' });
  await clerk.waitForSelector('.person:has-text("connessione molto debole")');
  assert.equal(await clerk.locator('.weak').isVisible(), false, 'the clerk’s own is good');
  await picture(citizen, 'quality-320');
  await picture(clerk, 'quality-1280');
  await accessible(citizen, 'the hint on a phone');
  const tell = (message: object): Promise<void> =>
    citizen.evaluate((m) => {
      (window as unknown as { say: (message: object) => void }).say(m);
    }, message);
  await tell({ type: 'paused', slots: [0] });
  await citizen.waitForSelector('.tile-paused:not([hidden]):has-text("Video in pausa")');
  await citizen.waitForSelector('[role=status]:has-text("per ora solo l’audio")', { state: 'attached' });
  await picture(citizen, 'paused-320');
  await accessible(citizen, 'a paused picture on a phone');
  await tell({ type: 'paused', slots: [] });
  await citizen.waitForSelector('.tile-paused', { state: 'hidden' });
  await tell({ ...say, level: 'good', reduced: false });
  await citizen.waitForSelector('.weak', { state: 'hidden' });
  assert.deepEqual(errors, []);
});
