// People whose browser may use nothing but the relay (iceTransportPolicy), over
// UDP and over TCP.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { desktop, newPage, startBrowser, startCounter, type Counter } from './harness';
import { only, relayed, visit } from './visit';

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

for (const transport of ['udp', 'tcp']) {
  void test(`Chromium through the relay alone, over ${transport}`, { timeout: 120_000 }, async (t) => {
    const { page } = await newPage(chromium, desktop);
    await page.addInitScript(only, transport);
    const { way } = await visit(t, counter, clerk, page);
    relayed(way, transport);
    assert.ok((counter.private.metrics().get('sportello_relay_allocations') ?? 0) > 0, 'the counter relays');
    await page.context().close();
  });
}
