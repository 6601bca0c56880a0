// Firefox on a network of its own: by every way that the media can take, and
// over a line that loses.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { newFirefoxPage, startFirefox, type FirefoxPage } from './firefox';
import { CHROMIUM, desktop, newPage, startBrowser, type Counter } from './harness';
import { counterIn, Network, noNetwork } from './network';
import { only, relayed, unrelayed, visit } from './visit';

const skip = noNetwork();
if (skip) console.log(`away.test.ts: ${skip}`);

let network: Network;
let counter: Counter;
let chromium: Browser;
let firefox: Firefox;
let clerk: Page;

before(async () => {
  if (skip) return;
  network = new Network();
  counter = await counterIn(network, { SPORTELLO_TURN_PORT: '3478' });
  chromium = await startBrowser(undefined, network.wrap(network.here, CHROMIUM));
  firefox = await startFirefox({ network });
  ({ page: clerk } = await newPage(chromium, { ...desktop, ignoreHTTPSErrors: true }));
  await clerk.goto(counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await clerk.waitForSelector('[data-view=call]');
});

after(async () => {
  if (skip) return;
  await firefox.close();
  await chromium.close();
  await counter.stop();
  network.close();
});

/** guest gives a page whose connections are limited before its scripts run. */
async function guest(...limit: (() => void)[]): Promise<FirefoxPage> {
  const page = await newFirefoxPage(firefox, ...limit);
  page.setDefaultTimeout(60_000);
  return page;
}

void test('Firefox over UDP', { timeout: 120_000, skip }, async (t) => {
  const { way } = await visit(t, counter, clerk, await guest());
  assert.equal(way.protocol, 'udp');
  assert.equal(way.relay, '');
});

void test('Firefox where one packet in ten is lost each way', { timeout: 120_000, skip }, async (t) => {
  network.lose(10);
  const { got } = await visit(t, counter, clerk, await guest(), 100);
  network.heal();
  assert.ok(got.nacks > 0, 'the line did lose packets');
  assert.ok(
    got.soundLost < 0.15 * (got.soundPackets + got.soundLost),
    'no more of the voice is lost than the line loses',
  );
});

for (const transport of ['udp', 'tcp']) {
  void test(`Firefox through the relay alone, over ${transport}`, { timeout: 120_000, skip }, async (t) => {
    const page = await guest();
    await page.evaluateOnNewDocument(only, transport);
    const { way } = await visit(t, counter, clerk, page);
    relayed(way, transport);
  });
}

void test('Firefox without UDP and without a relay', { timeout: 120_000, skip }, async (t) => {
  network.cutUDP();
  const { way } = await visit(t, counter, clerk, await guest(unrelayed));
  network.heal();
  assert.equal(way.protocol, 'tcp');
  assert.match(way.remote, /^(host|prflx) tcp$/);
});
