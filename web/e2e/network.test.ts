// A call over a bad line: on a network of its own a citizen far away loses one
// packet in ten, then shares 400 kbit/s each way. What is asserted are counts
// from getStats, never times; the figures are printed.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, desktop, eventually, flows, meet, newPage, startBrowser, type Counter } from './harness';
import { counterIn, Network, noNetwork } from './network';
import { path } from './path';
import { between, line, lips, received, tallest, type Received } from './received';

const skip = noNetwork();
if (skip) console.log(`network.test.ts: ${skip}`);

/** A picture of the lower layer has at most so many lines (web/src/room/peer.ts, tune). */
const LOW = 200;

let network: Network;
let counter: Counter;
let browsers: Browser[] = []; // the clerk's, beside the counter, and the citizen's
let clerk: Page;
let citizen: Page;

before(async () => {
  if (skip) return;
  network = new Network();
  counter = await counterIn(network, {
    SPORTELLO_MEDIA_TCP_PORT: 'off', // tcp.test.ts has the call over it
    SPORTELLO_TURN_PORT: '3478',
  });
  browsers = [
    await startBrowser(undefined, network.wrap(network.here, CHROMIUM)),
    await startBrowser(undefined, network.wrap(network.away, CHROMIUM)),
  ];
  const [here, away] = browsers;
  assert.ok(here && away);
  ({ page: clerk } = await newPage(here, { ...desktop, ignoreHTTPSErrors: true }));
  ({ page: citizen } = await newPage(away, { ...desktop, ignoreHTTPSErrors: true }));
  for (const page of [clerk, citizen]) page.setDefaultTimeout(60_000);
  await meet(counter, citizen, clerk);
});

after(async () => {
  for (const browser of browsers) await browser.close();
  if (skip) return;
  await counter.stop();
  network.close();
});

/** sharp waits until both see the other's upper layer. */
async function sharp(): Promise<void> {
  for (const [who, page] of people()) {
    await eventually(
      `${who} gets the upper layer`,
      () => received(page),
      (now) => tallest(now) > LOW,
      90_000,
    );
    await flows(page, who, 1);
  }
}

const people = (): [string, Page][] => [
  ['the citizen', citizen],
  ['the clerk', clerk],
];

/** turns waits until both see a picture of the wanted height, and asserts that it took each at most so many frames. */
async function turns(t: TestContext, what: string, wanted: (lines: number) => boolean, frames: number): Promise<void> {
  await Promise.all(
    people().map(async ([who, page]) => {
      const start = await received(page);
      const now = await eventually(
        `${who}: ${what}`,
        () => received(page),
        (state) => wanted(tallest(state)) || between(start, state).frames > frames,
        90_000,
      );
      const got = between(start, now);
      t.diagnostic(`${who}, ${what}: after ${line(got)}`);
      assert.ok(wanted(tallest(now)), `${who}: ${what} within ${frames} frames`);
    }),
  );
}

const small = (lines: number): boolean => lines > 0 && lines <= LOW;
const large = (lines: number): boolean => lines > LOW;

/** together waits until voice and picture keep together, within what people bear (ITU-R BT.1359: 125 ms early, 185 late). */
async function together(t: TestContext, when: string): Promise<void> {
  const ms = await eventually(
    `the citizen's sound and picture are together ${when}`,
    () => lips(citizen),
    (by) => by !== null && by > -185 && by < 185,
    60_000,
  );
  t.diagnostic(`the citizen, ${when}: the sound comes ${String(ms)} ms after its picture`);
}

/** goOn waits for so many more frames, and gives what was counted from start and the heights that were seen. */
async function goOn(t: TestContext, who: string, page: Page, start: Received, frames: number): Promise<Received> {
  const heights = new Set<number>();
  const now = await eventually(
    `${who} sees ${frames} more frames`,
    async () => {
      const state = await received(page);
      heights.add(tallest(state));
      return state;
    },
    (state) => between(start, state).frames >= frames,
    60_000,
  );
  t.diagnostic(`${who}: ${line(between(start, now))}; lines: ${[...heights].join(', ')}`);
  return now;
}

void test('one packet in ten is lost each way, and the call goes on', { timeout: 300_000, skip }, async (t) => {
  await sharp();
  const start = { citizen: await received(citizen), clerk: await received(clerk) };
  network.lose(10);
  await turns(t, 'the lower layer, 10 % lost', small, 150);
  const [atCitizen, atClerk] = await Promise.all([
    goOn(t, 'the citizen, 10 % lost', citizen, start.citizen, 150),
    goOn(t, 'the clerk, 10 % lost', clerk, start.clerk, 150),
  ]);
  for (const [who, from, now] of [
    ['the citizen', start.citizen, atCitizen],
    ['the clerk', start.clerk, atClerk],
  ] as const) {
    const got = between(from, now);
    assert.ok(got.soundPackets > 100, `${who} hears on`);
    assert.ok(
      got.soundLost < 0.15 * (got.soundPackets + got.soundLost),
      `${who} loses no more of the voice than the line does`,
    );
    assert.ok(got.concealed < 0.2 * got.samples, `${who} hears a voice, not inventions`);
  }
  assert.ok(between(start.citizen, atCitizen).nacks > 0, 'the line did lose packets');

  network.heal();
  await turns(t, 'the upper layer again, healed', large, 400);
  await sharp();
  const healed = await received(citizen);
  const later = await goOn(t, 'the citizen, healed', citizen, healed, 50);
  assert.ok(between(healed, later).soundLost <= 2, 'nothing is lost any more');
  await together(t, 'after loss and switches of layers');
});

void test('a voice of which much is lost is sent twice, and heard whole', { timeout: 300_000, skip }, async (t) => {
  await sharp();
  network.lose(10);
  const mended = (): number => counter.private.metrics().get('sportello_sfu_voice_mended_total') ?? 0;
  await eventually(
    'the counter mends voices',
    () => Promise.resolve(mended()),
    (n) => n > 20,
    60_000,
  );
  const start = { citizen: await received(citizen), clerk: await received(clerk) };
  const now = await Promise.all([
    goOn(t, 'the citizen, voices sent twice', citizen, start.citizen, 200),
    goOn(t, 'the clerk, voices sent twice', clerk, start.clerk, 200),
  ]);
  network.heal();
  for (const [who, from, to] of [
    ['the citizen', start.citizen, now[0]],
    ['the clerk', start.clerk, now[1]],
  ] as const) {
    const got = between(from, to);
    // One in a hundred is lost twice in a row; sent once, one in ten was invented.
    assert.ok(got.concealed < 0.04 * got.samples, `${who} hears nearly all that was said`);
  }
});

void test(
  '400 kbit/s each way: the picture steps down, the voice stays, and all comes back',
  { timeout: 300_000, skip },
  async (t) => {
    await sharp();
    network.hold(400);
    // The large picture at half its frames may do for a while.
    await turns(t, 'the lower layer, 400 kbit/s', small, 300);
    const down = { citizen: await received(citizen), clerk: await received(clerk) };
    const held = await Promise.all([
      goOn(t, 'the citizen, at 400 kbit/s', citizen, down.citizen, 60),
      goOn(t, 'the clerk, at 400 kbit/s', clerk, down.clerk, 60),
    ]);
    for (const [who, from, now] of [
      ['the citizen', down.citizen, held[0]],
      ['the clerk', down.clerk, held[1]],
    ] as const) {
      const got = between(from, now);
      assert.ok(got.soundPackets > 50 && got.energy > 0, `${who} hears on`);
      assert.ok(got.soundLost < 0.05 * (got.soundPackets + got.soundLost), `${who} gets the whole voice`);
      assert.ok(got.concealed < 0.1 * got.samples, `${who} hears a voice, not inventions`);
    }
    network.heal();
    await turns(t, 'the upper layer again, no longer held', large, 400);
    await sharp();
    await together(t, 'after 400 kbit/s');
  },
);

void test('where no UDP gets through, the relay carries the call over TCP', { timeout: 150_000, skip }, async (t) => {
  network.cutUDP();
  const away = browsers[1];
  assert.ok(away);
  const { page: again } = await newPage(away, { ...desktop, ignoreHTTPSErrors: true });
  await again.goto(counter.citizenLink);
  await again.click('[data-action=enter]');
  await eventually(
    'the citizen is in the room again',
    async () => {
      const waiting = clerk.locator('[data-action=lobby-bar]');
      if (await waiting.isVisible()) await waiting.click();
      return again.locator('[data-view=call]').count();
    },
    (n) => n === 1,
  );
  await flows(again, 'the citizen', 1);
  await flows(clerk, 'the clerk', 1);
  const way = await path(again);
  t.diagnostic(`the citizen's path: ${JSON.stringify(way)}`);
  assert.equal(way.relay, 'tcp');
  network.heal();
});
