// The administrator takes the appointments away as a file, and brings some in:
// with JavaScript off and by keyboard.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';

const site = startSite();
const agenda = '/it/staff/amministrazione/agenda';

/** look checks a page at the widths where its layout may break. */
async function look(page: Page, name: string): Promise<void> {
  for (const width of [320, 390, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${name} scrolls sideways by ${over} px at ${width}`);
    await accessible(page, `${name} at ${width}`);
    await picture(page, `${name}-${width}`);
  }
}

/** exported presses the button of the download and reads what comes. */
async function exported(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#scarica ~ form button').press('Enter'),
  ]);
  assert.match(download.suggestedFilename(), /^appuntamenti-[\w-]+\.csv$/);
  return readFileSync(await download.path(), 'utf8');
}

void test('the appointments leave as a file', { timeout: 240_000 }, async () => {
  const { page: citizen } = await newPage(site.browser, desktop);
  const booked = await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Serra', false);
  await citizen.context().close();
  const { page } = await newPage(site.browser, { ...desktop, javaScriptEnabled: false });
  await signIn(page, site.counter.url, 'amministratore', agenda);
  await page.fill('#dal', booked.day);
  await page.fill('#al', booked.day);
  const file = await exported(page);
  assert.ok(file.startsWith('\ufeffdata;ora;fine;fuso;ufficio;'));
  assert.ok(file.includes(`${booked.day};${booked.time};`) && file.includes(';Lucia;Serra;lucia@example.it;'), file);
  await page.context().close();
  const { page: seeing, errors } = await newPage(site.browser, desktop); // axe is a script
  await signIn(seeing, site.counter.url, 'amministratore', agenda);
  await look(seeing, 'agenda');
  assert.deepEqual(errors, []);
  await seeing.context().close();
});
