// A clerk's day by keyboard alone: today at a glance, the next citizen, a note,
// who came before, served, not come, moved; a break and an early close, with the
// offer of another time to those they affect.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, comesToday, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';
import { Keys } from './keys';

const site = startSite();

/** fits looks at a page on a phone of 320 px and on the desk. */
async function fits(page: Page, what: string, name: string): Promise<void> {
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${what} scrolls sideways by ${over} px at ${width}`);
    await accessible(page, `${what} at ${width}`);
    await picture(page, `${name}-${width}`);
  }
}

void test('a clerk’s day, by keyboard only', { timeout: 300_000 }, async () => {
  const { url } = site.counter;
  const { page: citizen, context } = await newPage(site.browser, desktop);
  await book(citizen, url, 'anagrafe', 'cambio-residenza', 'Gallo', false, true);
  await book(citizen, url, 'anagrafe', 'certificati', 'Serra', false, true);
  const conti = await book(citizen, url, 'anagrafe', 'carta-identita', 'Conti', false, true);
  await context.close();
  comesToday(site.counter, 'Gallo', '23:40');
  comesToday(site.counter, 'Serra', '23:50');
  site.counter.sql(`UPDATE appointment SET state = 'cancelled' WHERE outside_hours`); // the demonstration's
  site.counter.sql(`UPDATE office SET history = true WHERE slug = 'anagrafe'`);

  const { page, errors } = await newPage(site.browser, desktop);
  await signIn(page, url, 'anagrafe', '/it/staff/sportello');
  await page.context().addInitScript(() => {
    for (const kind of ['pointerdown', 'mousedown']) {
      addEventListener(kind, () => {
        document.title = 'a mouse was used';
      });
    }
  });
  const keys = new Keys(page);
  const does = async (selector: string, ...press: string[]): Promise<void> => {
    await keys.tabTo(selector);
    await keys.press(...press);
  };
  const told = async (text: string): Promise<void> => {
    await page.locator('#flash .st-flash-success', { hasText: text }).waitFor();
    assert.notEqual(await page.title(), 'a mouse was used');
  };

  // Today at a glance, and the next citizen is one key away.
  await page.locator('.st-next .st-big-name', { hasText: 'Gallo' }).waitFor();
  assert.equal(await page.locator('.st-rows .st-row').count(), 2);
  await fits(page, 'today', 'clerk-today');
  await keys.press('Alt+c');
  await page.locator('.st-current .st-big-name', { hasText: 'Gallo' }).waitFor();
  assert.equal(keys.count, 1, 'one key calls the next citizen');
  await page.locator('.st-next .st-big-name', { hasText: 'Serra' }).waitFor();

  // A note, and what this person came for before.
  await does('.st-current .st-big-name', 'Enter');
  await page.waitForURL(/\/sportello\/[0-9a-f-]{36}$/);
  await keys.tabTo('#nota');
  await keys.type('Porta la foto domani.');
  await keys.press('Tab', 'Enter');
  await told('Nota salvata');
  await does('#storico button', 'Enter');
  await page.locator('#storico li', { hasText: 'Certificati' }).waitFor();
  assert.equal(await page.inputValue('#nota'), 'Porta la foto domani.');
  await fits(page, 'the card with its history', 'clerk-card');
  await does('.st-back a', 'Enter');
  await page.waitForURL(/\/sportello\?giorno=/);

  // Served, and not come.
  await keys.press('Alt+f');
  await page.locator('.st-row-done', { hasText: 'Gallo' }).waitFor();
  await does('.st-next summary', 'Enter');
  await does('.st-next .btn-outline-danger', 'Enter');
  await page.locator('.st-row-no_show', { hasText: 'Serra' }).waitFor();
  await page.locator('.st-next', { hasText: 'Nessun altro per oggi' }).waitFor();

  // The day after is one key away; a day of next month comes by its address.
  await keys.press('Alt+j');
  await page.locator('.st-daynav a', { hasText: 'Oggi' }).waitFor();
  await page.goto(`${url}/it/staff/sportello?giorno=${conti.day}`);
  await does('.st-row a', 'Enter');
  await page.waitForURL(/\/sportello\/[0-9a-f-]{36}$/);
  await does('a[href$="/cambia"]', 'Enter');
  await page.waitForURL('**/cambia');
  await fits(page, 'moving an appointment', 'clerk-move');
  await keys.tabTo('input[name=orario]');
  await keys.press('ArrowDown', 'ArrowDown');
  const day = (await page.inputValue('input[name=orario]:checked')).split(/[@T]/)[1] ?? '';
  await keys.press('Enter');
  // The day that they worked on goes on; where Conti went is said, and a link away.
  await told('Appuntamento spostato a');
  assert.equal(new URL(page.url()).searchParams.get('giorno'), conti.day);
  await fits(page, 'after moving an appointment', 'clerk-moved');
  await does('#flash a', 'Enter');
  await page.waitForURL(`**/sportello?giorno=${day}#r-*`);
  const where = (await page.locator('.st-row', { hasText: 'Conti' }).locator('.st-place').textContent()) ?? '';
  const desk = where.split('·').at(-1)?.trim() ?? '';

  // A break over it: first who is affected, then the offer of another time.
  await does('a[href*="/sportello/pausa"]', 'Enter');
  await page.waitForURL(/\/pausa\?giorno=/);
  assert.equal(await page.inputValue('#giorno'), day);
  await keys.tabTo('#sportello');
  await keys.type(desk);
  await keys.tabTo('#dalle');
  await keys.type('0700A'); // whether the browser counts to 12 or to 24
  await keys.tabTo('#alle');
  await keys.type('1159P');
  if ((await page.inputValue('#alle')) < '12:00') await page.fill('#alle', '23:59');
  await does('button[value=anteprima]', 'Enter');
  await page.locator('#anteprima li', { hasText: 'Conti' }).waitFor();
  assert.ok(await page.isChecked('#chiedi'), 'those affected are asked for another time');
  await fits(page, 'the preview of a break', 'clerk-break');
  await does('button[value=salva]', 'Enter');
  await told('Ore bloccate');
  await page.goto(`${url}/it/staff/da-sistemare`);
  await page.locator('#da-sistemare li', { hasText: 'Conti' }).filter({ hasText: 'nessuna risposta' }).waitFor();

  // An early close is one button: the rest of today.
  await page.goto(`${url}/it/staff/sportello/pausa`);
  await does('button[value=chiudi]', 'Enter');
  await page.locator('#anteprima').waitFor();
  assert.equal(await page.inputValue('#alle'), '23:59');
  assert.equal(await page.inputValue('#motivo'), 'Chiusura anticipata');
  await does('button[value=salva]', 'Enter');
  await page.locator('.st-closures li', { hasText: 'Chiusura anticipata' }).waitFor();
  await fits(page, 'the breaks', 'clerk-breaks');
  assert.notEqual(await page.title(), 'a mouse was used');
  assert.deepEqual(errors, []);
  await page.context().close();
});
