// Two people whose network lets no UDP out, and no relay: the call goes over
// ICE-TCP to the media port.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { CHROMIUM, desktop, flows, meet, newPage, startBrowser, type Counter } from './harness';
import { counterIn, Network, noNetwork } from './network';
import { path } from './path';
import { leave, visit } from './visit';

const skip = noNetwork();
if (skip) console.log(`tcp.test.ts: ${skip}`);

let network: Network;
let counter: Counter;
let browser: Browser;

before(async () => {
  if (skip) return;
  network = new Network();
  counter = await counterIn(network);
  network.cutUDP();
  browser = await startBrowser(undefined, network.wrap(network.away, CHROMIUM));
});

after(async () => {
  if (skip) return;
  await browser.close();
  await counter.stop();
  network.close();
});

void test(
  'two people without UDP and without a relay see and hear each other',
  { timeout: 120_000, skip },
  async (t) => {
    const { page: citizen } = await newPage(browser, { ...desktop, ignoreHTTPSErrors: true });
    const { page: clerk } = await newPage(browser, { ...desktop, ignoreHTTPSErrors: true });
    for (const page of [clerk, citizen]) page.setDefaultTimeout(60_000);
    await meet(counter, citizen, clerk);
    await flows(citizen, 'the citizen', 1);
    await flows(clerk, 'the clerk', 1);
    for (const [who, page] of [
      ['the citizen', citizen],
      ['the clerk', clerk],
    ] as const) {
      const way = await path(page);
      t.diagnostic(`${who}'s path: ${JSON.stringify(way)}`);
      assert.equal(way.protocol, 'tcp', who);
      assert.match(way.remote, /^(host|prflx) tcp$/, who);
    }
    await leave(citizen);
    for (const page of [clerk, citizen]) await page.context().close();
  },
);

void test('over IPv6 as well', { timeout: 120_000, skip }, async (t) => {
  network.onlyIPv6();
  const { page: clerk } = await newPage(browser, { ...desktop, ignoreHTTPSErrors: true });
  const { page: guest } = await newPage(browser, { ...desktop, ignoreHTTPSErrors: true });
  for (const page of [clerk, guest]) page.setDefaultTimeout(60_000);
  await clerk.goto(counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await clerk.waitForSelector('[data-view=call]');
  const { way } = await visit(t, counter, clerk, guest);
  assert.match(way.remote, /^(host|prflx) tcp$/);
  assert.ok(way.address.includes(':'), 'an address of IPv6');
});
