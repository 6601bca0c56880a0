// Lips and words: how far a picture and the sound that belongs to it are played
// apart, after the layer changes, and after a viewer's slot got another person.
// The browser computes it from what the server makes of the sender's reports.

import assert from 'node:assert/strict';
import { before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { desktop, eventually, flows, newPage, startBrowser, startCounter, type Counter } from './harness';
import { invite } from './invite';
import { lips, received, tallest } from './received';

/** What people bear: sound that comes 125 ms before its picture or 185 after (ITU-R BT.1359). */
const BORNE = { early: -125, late: 185 };
const LOOKS = 9;
/** A picture of the lower layer has at most so many lines (web/src/room/peer.ts, tune). */
const LOW = 200;

let counter: Counter;
let browsers: Browser[] = [];

before(async () => {
  counter = await startCounter();
  browsers = [await startBrowser(), await startBrowser()]; // two, so that clocks differ
});

async function open(n: number): Promise<Page> {
  const browser = browsers[n];
  assert.ok(browser);
  return (await newPage(browser, desktop)).page;
}

/** wait brings somebody to the counter's lobby. */
async function wait(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.click('[data-action=enter]');
  await page.waitForSelector('[data-view=lobby]');
}

async function admit(clerk: Page, page: Page): Promise<void> {
  await clerk.click('[data-action=lobby-bar]');
  await page.waitForSelector('[data-view=call]');
  await flows(clerk, 'the clerk', 1);
}

async function leave(clerk: Page, page: Page): Promise<void> {
  await page.click('[data-command=leave]');
  await page.click('dialog [value=yes]');
  await clerk.waitForFunction(() => document.querySelectorAll('.tile:not(.mine)').length === 0);
}

/** lines waits for a picture of the wanted size. */
async function lines(page: Page, wanted: (lines: number) => boolean): Promise<void> {
  await eventually(
    'the layer changes',
    async () => tallest(await received(page)),
    (height) => height > 0 && wanted(height),
    60_000,
  );
}

/** together looks until lips and words have been together at most looks, and tells how far they were apart. */
async function together(t: TestContext, page: Page, when: string): Promise<void> {
  const all: number[] = [];
  const last = (): number[] => all.slice(-LOOKS);
  await eventually(
    `sound and picture are together ${when}`,
    async () => {
      const ms = await lips(page);
      if (ms !== null) all.push(Math.round(ms));
      return last();
    },
    (looks) => {
      const good = looks.filter((ms) => ms > BORNE.early && ms < BORNE.late);
      return looks.length === LOOKS && good.length >= LOOKS - 1;
    },
    60_000,
  );
  t.diagnostic(
    `${when}: the sound comes ${last().toSorted((a, b) => a - b)[Math.floor(LOOKS / 2)] ?? ''} ms after its picture ` +
      `(${Math.min(...last())} to ${Math.max(...last())}; ${all.length} looks)`,
  );
}

/** where gives the sections in which sound and picture come. */
async function where(page: Page): Promise<string> {
  const { sound, pictures } = await received(page);
  return JSON.stringify([sound.map((s) => s.mid).sort(), pictures.map((p) => p.mid).sort()]);
}

void test('lips and words keep together through layers and persons', { timeout: 300_000 }, async (t) => {
  const [clerk, citizen, guest] = [await open(0), await open(1), await open(0)];
  await wait(citizen, counter.citizenLink);
  await clerk.goto(counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await admit(clerk, citizen);

  await lines(clerk, (height) => height > LOW);
  await together(t, clerk, 'on the upper layer');
  await clerk.setViewportSize({ width: 400, height: 300 });
  await lines(clerk, (height) => height <= LOW);
  await together(t, clerk, 'after a switch to the lower layer');
  await clerk.setViewportSize({ width: 1280, height: 800 });
  await lines(clerk, (height) => height > LOW);
  await together(t, clerk, 'back on the upper layer');

  const slot = await where(clerk);
  await wait(guest, invite(counter, 'Omar Haddad'));
  await leave(clerk, citizen);
  await admit(clerk, guest);
  assert.equal(await where(clerk), slot, 'the guest has the citizen’s slot');
  await together(t, clerk, 'with another person in the slot');

  await leave(clerk, guest);
  const again = await open(1);
  await again.goto(counter.citizenLink);
  await again.click('[data-action=enter]'); // who was admitted before comes straight in
  await again.waitForSelector('[data-view=call]');
  await flows(clerk, 'the clerk', 1);
  assert.equal(await where(clerk), slot, 'the citizen has the slot again');
  await together(t, clerk, 'with the first person in it again');
});
