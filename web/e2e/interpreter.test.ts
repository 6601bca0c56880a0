// Somebody comes as an interpreter, by a link that the clerk made for one: their
// picture is named in words, stands first, stays in view beside a shared screen
// and comes large; the clerk has the last word on it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, signIn } from './booking';
import { accessible, desktop, eventually, flows, media, newPage, phone, picture, startSite } from './harness';

const site = startSite({ SPORTELLO_JOIN_BEFORE: '4000h' });
const errors: string[][] = [];

async function open(options: typeof desktop): Promise<Page> {
  const made = await newPage(site.browser, options);
  errors.push(made.errors);
  return made.page;
}

async function enter(page: Page, view: 'lobby' | 'call'): Promise<void> {
  await page.waitForSelector('[data-view=preview]');
  await page.click('[data-action=enter]');
  await page.waitForSelector(`[data-view=${view}]`);
}

/** tiles tells whose cameras a page shows, in their order, and where they are. */
async function tiles(page: Page): Promise<{ words: string; top: number; left: number; width: number; on: boolean }[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('.cameras .tile')].map((tile) => {
      const box = tile.getBoundingClientRect();
      const caption = tile.querySelector('figcaption');
      const on = document
        .elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2)
        .some((element) => tile.contains(element));
      return { words: caption?.innerText ?? '', top: box.top, left: box.left, width: box.width, on };
    }),
  );
}

void test('an interpreter stays in view', { timeout: 240_000 }, async () => {
  const citizen = await open({ ...phone, viewport: { width: 320, height: 640 } });
  const booked = await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Segni');
  await citizen.goto(booked.room);
  await enter(citizen, 'lobby');

  const staff = await open(desktop);
  await signIn(staff, site.counter.url, 'anagrafe', '/it/staff/sportello');
  await staff.goto(`${site.counter.url}/it/staff/sportello?giorno=${booked.day}`);
  await staff.click('.st-agenda .st-name a:has-text("Segni")');
  await staff.fill('#guest-name', 'Lia Mani');
  await staff.check('#guest-interpreter');
  await picture(staff, 'interpreter-link-1280');
  await staff.click('#ospiti form.st-inline button');
  const link = await staff.inputValue('#guest-link');
  await staff.waitForSelector('.st-guests li:has-text("Interprete")');
  await accessible(staff, 'the card with an interpreter');

  const opened = staff.context().waitForEvent('page');
  await staff.click('[id^=s-room-]');
  const clerk = await opened;
  await enter(clerk, 'call');
  await clerk.click('[data-action=lobby-bar]');
  await citizen.waitForSelector('[data-view=call]');
  const lia = await open(desktop);
  await lia.goto(link);
  await enter(lia, 'lobby');
  await clerk.click('[data-action=lobby-bar]');
  await lia.waitForSelector('[data-view=call]');
  await citizen.waitForSelector('[role=status]:has-text("Lia Mani è interprete")', { state: 'attached' });
  await flows(citizen, 'the citizen', 2);
  await lia.waitForSelector('.tile.mine .tile-role:not([hidden])');
  const first = (await tiles(citizen))[0];
  assert.match(first?.words ?? '', /Lia Mani\s*Interprete/);
  await picture(citizen, 'interpreter-320');
  await picture(clerk, 'interpreter-1280');
  await accessible(citizen, 'an interpreter on a phone');

  // Beside a screen the tile is small, but the picture comes large, and the tile
  // stays where it is when the others scroll.
  await clerk.click('[data-command=screen]');
  await citizen.waitForSelector('.screen-tile');
  await eventually(
    'the large picture of the interpreter',
    () => media(citizen),
    (m) => m.video.filter((v) => v.height >= 360).length >= 2,
  );
  await citizen.evaluate(() => {
    const strip = document.querySelector('.cameras');
    strip?.scrollTo(strip.scrollWidth, strip.scrollHeight);
  });
  const beside = await tiles(citizen);
  assert.match(beside[0]?.words ?? '', /Lia Mani\s*Interprete/);
  assert.ok(beside[0]?.on && beside[0].left >= 0, `scrolled, the interpreter is in view: ${JSON.stringify(beside)}`);
  assert.ok(
    beside.slice(1).every((tile) => tile.width < (beside[0]?.width ?? 0)),
    `the others are smaller: ${JSON.stringify(beside)}`,
  );
  await picture(citizen, 'interpreter-screen-320');
  await lia.setViewportSize({ width: 768, height: 1024 });
  await picture(lia, 'interpreter-screen-768');
  await accessible(citizen, 'an interpreter beside a screen');

  // The clerk has the last word, by keyboard too.
  const people = clerk.locator('[data-command=people]');
  if ((await people.getAttribute('aria-expanded')) !== 'true') await people.click();
  const button = clerk.locator('.person', { hasText: 'Lia Mani' }).locator('[data-action=interpret]');
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  await picture(clerk, 'interpreter-people-1280');
  await accessible(clerk, 'the people with an interpreter');
  await button.focus();
  await clerk.keyboard.press('Enter');
  await clerk.waitForSelector('.person:has-text("Lia Mani") [data-action=interpret][aria-pressed=false]');
  await citizen.waitForSelector('.tile-role', { state: 'hidden' });
  await lia.waitForSelector('.tile.mine .tile-role', { state: 'hidden' });
  assert.deepEqual(errors.flat(), []);
});
