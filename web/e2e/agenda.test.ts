// The administrator takes the appointments away as a file, and brings some in:
// with JavaScript off and by keyboard.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, signIn } from './booking';
import { accessible, desktop, eventually, newPage, picture, stacked, startSite } from './harness';

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

void test('a file of appointments comes in, by keyboard', { timeout: 360_000 }, async () => {
  // Two that can be booked, at times that are free, and two that cannot.
  const { page } = await newPage(site.browser, { ...desktop, javaScriptEnabled: false });
  await page.goto(`${site.counter.url}/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=presenza`);
  await page.click('a.sv-month-link[rel~=next]');
  await page.waitForURL('**mese=**');
  const starts = await page
    .locator('#orari-form input[name=inizio]')
    .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
  const at = (start = ''): string => `${start.slice(0, 10)};${start.slice(11, 16)}`;
  assert.ok(starts.length >= 2, `there are ${starts.length} starts`);
  const file = [
    'data;ora;ufficio;servizio;nome;cognome;email;telefono',
    `${at(starts[0])};anagrafe;cambio-residenza;Niccolò;Dovèri;;0121 123456`,
    `${at(starts[0])};anagrafe;cambio-residenza;Niccolò;Dovèri;;0121 123456`,
    `${at(starts[1])};anagrafe;cambio-residenza;Pia;Ferrero;pia@example.it;`,
    `${at(starts[1])};nessuno;cambio-residenza;Ugo;Neri;ugo@example.it;`,
  ].join('\r\n');

  await signIn(page, site.counter.url, 'amministratore', agenda);
  // As Excel saves it in Italian.
  await page.setInputFiles('#file', { name: 'agenda.csv', mimeType: 'text/csv', buffer: Buffer.from(file, 'latin1') });
  await page.focus('#file');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/importa/*');
  const address = page.url();
  await page.waitForSelector('h1:has-text("Anteprima")');
  assert.equal(await page.locator('tbody tr').count(), 4);
  await page.waitForSelector('tr:has-text("Dovèri Niccolò"):has-text("Da prenotare")');
  await page.waitForSelector('tr:has-text("È uguale alla riga 2")');
  await page.waitForSelector('tr:has-text("L’ufficio non c’è")');
  const { page: seeing, errors } = await newPage(site.browser, desktop); // axe is a script
  await signIn(seeing, site.counter.url, 'amministratore', new URL(address).pathname);
  await look(seeing, 'import-preview');
  await stacked(seeing, 'Righe del file');
  await seeing.goto(address.replace('/it/', '/en/'));
  await look(seeing, 'import-preview-en');

  await page.focus('#avvisa');
  await page.keyboard.press('Space'); // each hears of it, once
  await page.keyboard.press('Tab'); // the preview anew
  await page.keyboard.press('Tab'); // book
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:has-text("Importazione finita")');
  await page.waitForSelector(':text("2 appuntamenti prenotati")');
  await seeing.goto(address);
  await look(seeing, 'import-report');
  await seeing.goto(address.replace('/it/', '/en/'));
  await look(seeing, 'import-report-en');
  await seeing.goto(`${site.counter.url}/en/staff/amministrazione/agenda`);
  await look(seeing, 'agenda-en');
  // Told in the background: the box is asked until both are there.
  await eventually(
    'a mail and a text message',
    async () => {
      await seeing.goto(`${site.counter.url}/it/staff/posta`);
      const text = (await seeing.textContent('main')) ?? '';
      return ['pia@example.it', '+390121123456'].map((to) => text.split(to).length - 1);
    },
    (found) => found.join() === '1,1',
  );
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('a[href$="/righe.csv"]')]);
  const refused = readFileSync(await download.path(), 'utf8');
  assert.ok(refused.includes(';nessuno;') && refused.includes('L’ufficio non c’è'), refused);

  // A file that is none says so beside its field, and what came in goes out again.
  await page.goto(`${site.counter.url}${agenda}`);
  await page.setInputFiles('#file', { name: 'foto.csv', mimeType: 'text/csv', buffer: Buffer.from([0x89, 0, 1, 2]) });
  await page.press('form[enctype] button', 'Enter');
  await page.waitForSelector('#file-error');
  await page.fill('#dal', starts[0]?.slice(0, 10) ?? '');
  await page.fill('#al', starts[1]?.slice(0, 10) ?? '');
  const out = await exported(page);
  assert.ok(out.includes(';Niccolò;Dovèri;') && out.includes(';Pia;Ferrero;pia@example.it;'), out);

  await page.goto(address);
  await page.press('button[value=elimina]', 'Enter');
  await page.waitForSelector('.st-flash:has-text("File eliminato")');
  assert.equal((await page.goto(address))?.status(), 404);
  assert.deepEqual(errors, []);
  await seeing.context().close();
  await page.context().close();
});
