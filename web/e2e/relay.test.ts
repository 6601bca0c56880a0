// People whose browser may use nothing but the relay (iceTransportPolicy), over
// UDP and over TCP.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { desktop, eventually, newPage, startBrowser, startCounter, type Counter } from './harness';
import { invite } from './invite';
import { path } from './path';
import { between, line, received } from './received';

let counter: Counter;
let chromium: Browser;
let clerk: Page;

before(async () => {
  counter = await startCounter({ SPORTELLO_TURN_PORT: '0' });
  chromium = await startBrowser();
  ({ page: clerk } = await newPage(chromium, desktop));
  await clerk.goto(counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await clerk.waitForSelector('[data-view=call]');
});

after(async () => {
  await chromium.close();
  await counter.stop();
});

/** only lets a page's connections use the relay alone, over one transport. */
function only(transport: string): void {
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, [wanted]: [RTCConfiguration]) {
      const iceServers = (wanted.iceServers ?? []).map((server) => ({
        ...server,
        urls: [server.urls].flat().filter((url) => url.endsWith(`transport=${transport}`)),
      }));
      return new target({ ...wanted, iceServers, iceTransportPolicy: 'relay' });
    },
  });
}

/** call has a guest enter, looks at both ends, and has the guest leave. */
async function call(t: TestContext, guest: Page, transport: string): Promise<void> {
  await guest.goto(invite(counter, 'Omar Haddad'));
  await guest.click('[data-action=enter]');
  await guest.waitForSelector('[data-view=lobby]');
  await clerk.click('[data-action=lobby-bar]');
  await guest.waitForSelector('[data-view=call]');
  for (const [who, page] of [
    ['the guest', guest],
    ['the clerk', clerk],
  ] as const) {
    const start = await received(page);
    const now = await eventually(
      `${who} sees and hears`,
      () => received(page),
      (now) => between(start, now).frames > 20 && between(start, now).energy > 0,
      60_000,
    );
    t.diagnostic(`${who}: ${line(between(start, now))}`);
  }
  const way = await path(guest);
  t.diagnostic(`the guest's path: ${JSON.stringify(way)}`);
  assert.equal(way.relay, transport);
  assert.match(way.local, /^(relay|prflx)$/);
  assert.ok(!way.found.includes('host') && !way.found.includes('srflx'), 'nothing but the relay was tried');
  assert.ok((counter.private.metrics().get('sportello_relay_allocations') ?? 0) > 0, 'the counter relays');
  await guest.click('[data-command=leave]');
  await guest.click('dialog [value=yes]');
  await eventually(
    'the clerk is alone',
    () => clerk.locator('.tile:not(.mine)').count(),
    (n) => n === 0,
  );
}

for (const transport of ['udp', 'tcp']) {
  void test(`Chromium through the relay alone, over ${transport}`, { timeout: 120_000 }, async (t) => {
    const { page } = await newPage(chromium, desktop);
    await page.addInitScript(only, transport);
    await call(t, page, transport);
    await page.context().close();
  });
}
