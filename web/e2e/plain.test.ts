// The counter's day with JavaScript off, and by keyboard alone: an operator books
// for a caller, reception lets them in, the clerk calls, writes and ends, an
// administrator closes an hour. Nothing on these pages may need a script.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { comesToday, signIn } from './booking';
import { desktop, newPage, picture, startSite, WORKDAY } from './harness';
import { Keys } from './keys';

const site = startSite();

/** works signs somebody in whose browser runs no scripts; what they do is keys. */
async function works(login: string, path: string): Promise<{ page: Page; keys: Keys }> {
  const { page } = await newPage(site.browser, { ...desktop, javaScriptEnabled: false });
  await signIn(page, site.counter.url, login, path);
  return { page, keys: new Keys(page) };
}

void test('the counter’s day without a script and without a mouse', { timeout: 240_000 }, async () => {
  // The phone desk: a service by typing, the first start, who calls.
  const phone = await works('operatore', '/it/staff/operatore');
  await phone.keys.tabTo('#servizio');
  await phone.keys.type('carta');
  await phone.keys.press('Enter');
  await phone.page.waitForURL('**servizio=carta**');
  await phone.keys.tabTo('input[name=orario]');
  await phone.keys.press('Space');
  await phone.keys.tabTo('#nome');
  await phone.keys.type('Anna');
  await phone.keys.press('Tab');
  await phone.keys.type('Verdi');
  await phone.keys.press('Tab');
  await phone.keys.type('3331234567');
  await phone.keys.press('Enter');
  await phone.page.waitForURL('**/staff/operatore/fatto/**');
  const code = ((await phone.page.textContent('.st-code-big')) ?? '').trim();
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  // The caller is found again, and what they have.
  await phone.page.goto(`${site.counter.url}/it/staff/operatore`);
  await phone.keys.tabTo('#chi');
  await phone.keys.type('verdi');
  await phone.keys.press('Enter');
  await phone.page.locator('#found', { hasText: 'Verdi' }).waitFor();
  await phone.keys.tabTo('#found a');
  await phone.keys.press('Enter');
  await phone.page.waitForURL('**/staff/operatore/appuntamento/**');
  await phone.page.context().close();

  comesToday(site.counter, 'Verdi', '23:30');

  // The door: the code, and Enter.
  const door = await works('reception', '/it/staff/reception');
  await door.keys.tabTo('#chi');
  await door.keys.type(code);
  await door.keys.press('Enter');
  await door.page.locator('.st-row-arrived', { hasText: 'Verdi' }).waitFor();
  await picture(door.page, 'plain-board');
  await door.page.context().close();

  // The desk: call, a note, done.
  const desk = await works('anagrafe', '/it/staff/sportello');
  await desk.keys.tabTo('.st-next button[id^=n-called]');
  await desk.keys.press('Enter');
  await desk.page.locator('.st-current', { hasText: 'Verdi' }).waitFor();
  await desk.keys.tabTo('.st-current .st-big-name');
  await desk.keys.press('Enter');
  await desk.page.waitForURL(/\/sportello\/[0-9a-f-]{36}$/);
  await desk.keys.tabTo('#nota');
  await desk.keys.type('Torna per la firma.');
  await desk.keys.press('Tab', 'Enter');
  await desk.page.locator('.st-flash-success', { hasText: 'Nota salvata' }).waitFor();
  await desk.keys.tabTo('button[id^=s-served]');
  await desk.keys.press('Enter');
  await desk.page.locator('.st-flash-success').waitFor();
  await desk.page.goto(`${site.counter.url}/it/staff/sportello`);
  await desk.page.locator('.st-row-done', { hasText: 'Verdi' }).waitFor();
  await picture(desk.page, 'plain-clerk');
  await desk.page.context().close();

  // The office: a closure is seen first, then made.
  const office = await works('amministratore', '/it/staff/amministrazione/chiusure');
  await office.keys.tabTo('#dal');
  await office.page.fill('#dal', WORKDAY.slice(0, 10)); // in which order one types a date is the browser's affair
  await office.keys.tabTo('#motivo_it');
  await office.keys.type('Guasto');
  await office.keys.tabTo('button[value=anteprima]');
  await office.keys.press('Enter');
  await office.page.locator('#anteprima').waitFor();
  await office.keys.tabTo('button[value=salva]');
  await office.keys.press('Enter');
  await office.page.locator('.st-closures li', { hasText: 'Guasto' }).waitFor();
  await picture(office.page, 'plain-closures');
  await office.page.context().close();
});
