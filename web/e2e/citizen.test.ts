// What a citizen does beside the straight way: by keyboard alone, in two tabs,
// late, elsewhere, on another device, with several things at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { accessible, desktop, newPage, phone, picture, startSite } from './harness';

// All these tests are one address to the counter.
const site = startSite({ SPORTELLO_HOLD_RATE: '1000' });

/** tabTo presses Tab until an element has the focus, as somebody without a mouse does. */
async function tabTo(page: Page, selector: string, key = 'Tab'): Promise<void> {
  for (let pressed = 0; pressed < 120; pressed++) {
    await page.keyboard.press(key);
    const there = await page.evaluate((wanted) => {
      const element = document.activeElement;
      if (!element?.matches(wanted)) return '';
      // A card or a slot shows the focus of the radio button within it.
      const shown = [element, element.nextElementSibling, element.parentElement].some(
        (e) => e && (getComputedStyle(e).outlineStyle !== 'none' || getComputedStyle(e).boxShadow !== 'none'),
      );
      return shown ? 'seen' : 'hidden';
    }, selector);
    assert.notEqual(there, 'hidden', `the focus on ${selector} can be seen`);
    if (there) return;
  }
  assert.fail(`${selector} cannot be reached by ${key}`);
}

const next = '.sv-nav button.btn-primary';

void test('a booking by keyboard alone', { timeout: 120_000 }, async () => {
  const { page, errors } = await newPage(site.browser, desktop);
  const { keyboard } = page;
  await page.goto(`${site.counter.url}/it/`);
  await tabTo(page, 'main a[data-element=appointment-booking]');
  await keyboard.press('Enter');
  await page.waitForURL('**/prenota');
  await tabTo(page, 'input[name=ufficio]');
  await keyboard.press('Space');
  while (!(await page.isChecked('#u-anagrafe'))) await keyboard.press('ArrowDown');
  await tabTo(page, next);
  await keyboard.press('Enter');
  await page.waitForSelector('input[name=servizio]');
  await tabTo(page, 'input[name=servizio]');
  await keyboard.press('Space');
  while (!(await page.isChecked('#s-cambio-residenza'))) await keyboard.press('ArrowDown');
  await tabTo(page, next);
  await keyboard.press('Enter');
  await page.waitForURL('**/orario**');
  await tabTo(page, 'a.sv-choice[href*=video]');
  await keyboard.press('Enter');
  await page.waitForSelector('#orari-form');
  await tabTo(page, 'input[name=inizio]');
  await keyboard.press('Space');
  await keyboard.press('ArrowRight');
  await tabTo(page, next);
  await keyboard.press('Enter');
  await page.waitForURL('**/dettagli');
  await tabTo(page, '#note');
  await keyboard.type('Porto mia madre.');
  await tabTo(page, next);
  await keyboard.press('Enter');
  await page.waitForURL('**/richiedente');
  await tabTo(page, '#name');
  await keyboard.type('Lucia');
  await keyboard.press('Enter'); // too early: it is said what is missing, and where
  await page.waitForSelector('#errori');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'errori');
  await tabTo(page, '#errori a[href="#surname"]');
  await keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.id === 'surname');
  await keyboard.type('Tastiera');
  await tabTo(page, '#phone');
  await keyboard.type('333 123 4567');
  await tabTo(page, '#privacy');
  await keyboard.press('Space');
  await keyboard.press('Enter'); // goes on, and does not save
  await page.waitForURL('**/riepilogo*');
  await tabTo(page, next);
  await keyboard.press('Enter');
  await page.waitForURL('**/conferma*');
  assert.equal(await page.textContent('h1'), 'Appuntamento confermato');
  assert.match((await page.textContent('main')) ?? '', /Porto mia madre\./);
  await tabTo(page, 'input[name=stelle]');
  await keyboard.press('Space');
  await tabTo(page, '.sv-rating button');
  await keyboard.press('Enter');
  await page.waitForSelector('.sv-rating:has-text("Grazie")');
  assert.deepEqual(
    errors.filter((e) => !e.includes('422')),
    [],
  );
  await page.context().close();
});

/** holds takes the first free time. */
async function holds(page: Page, query = 'servizio=cambio-residenza&modo=video'): Promise<void> {
  await page.goto(`${site.counter.url}/it/prenota/orario?ufficio=anagrafe&${query}`);
  await page.locator('#orari-form input[name=inizio]').first().check();
  await page.click('#orari-form button[type=submit]');
  await page.waitForURL('**/dettagli');
}

/** introduces fills in who it is, on the page that asks for it. */
async function introduces(page: Page, surname: string): Promise<void> {
  await page.fill('#name', 'Lucia');
  await page.fill('#surname', surname);
  await page.fill('#phone', '333 123 4567');
  await page.check('#privacy');
}

function booked(surname: string, n: number): void {
  site.counter
    .sql(`DO $$ BEGIN ASSERT (SELECT count(*) FROM appointment a JOIN appointment_person p ON p.appointment_id = a.id
    WHERE p.surname = '${surname}' AND a.state = 'booked') = ${n}, 'not ${n} bookings of ${surname}'; END $$`);
}

void test('a second click, a reload, the way back and a stale tab book once', { timeout: 120_000 }, async () => {
  const { page, context } = await newPage(site.browser, desktop);
  await holds(page);
  await page.click(next);
  await page.waitForURL('**/richiedente');
  await introduces(page, 'Doppio');
  await page.click(next);
  await page.waitForURL('**/riepilogo');
  const stale = await context.newPage();
  await stale.goto(page.url());
  const before = await context.newPage();
  await before.goto(page.url().replace('riepilogo', 'richiedente'));
  await page.dblclick(next);
  await page.waitForURL('**/conferma');
  const code = await page.textContent('.sv-code-value');
  await page.reload();
  assert.equal(await page.textContent('.sv-code-value'), code);
  await page.goBack();
  await page.waitForURL('**/conferma'); // the page before leads here again
  await stale.click(next);
  await stale.waitForURL('**/conferma');
  assert.equal(await stale.textContent('.sv-code-value'), code);
  await before.fill('#surname', 'Altro');
  await before.click(next);
  await before.waitForURL('**/conferma');
  assert.match(
    (await before.textContent('main')) ?? '',
    /Lucia Doppio/,
    'what was confirmed is not changed by an old tab',
  );
  booked('Doppio', 1);
  booked('Altro', 0);
  await context.close();
});

void test(
  'when the time kept runs out, nothing typed is lost and free times are offered',
  { timeout: 120_000 },
  async () => {
    const { page, context } = await newPage(site.browser, phone);
    await holds(page);
    await page.fill('#note', 'Scritto con calma.');
    site.counter.sql(`UPDATE appointment SET hold_expires_at = now() - interval '1 second' WHERE state = 'held'`);
    await page.click(next);
    await page.waitForSelector('text=è scaduto');
    await picture(page, 'expired-phone');
    await accessible(page, 'an expired hold');
    await page.locator('.sv-offers button').first().click();
    await page.waitForURL('**/richiedente');
    await introduces(page, 'Lento');
    site.counter.sql(`UPDATE appointment SET hold_expires_at = now() - interval '1 second' WHERE state = 'held'`);
    await page.click(next);
    await page.waitForSelector('text=è scaduto');
    await page.locator('.sv-offers button').last().click();
    await page.waitForURL('**/riepilogo');
    assert.match((await page.textContent('main')) ?? '', /Scritto con calma\.[^]*Lento/);
    await page.click(next);
    await page.waitForURL('**/conferma');
    booked('Lento', 1);
    await context.close();
  },
);

void test(
  'a saved request is taken up elsewhere, by its link, and with JavaScript off',
  { timeout: 120_000 },
  async () => {
    const { page, context } = await newPage(site.browser, phone);
    await holds(page);
    await page.fill('#note', 'Continuo a casa.');
    await page.click('.sv-save');
    await page.waitForURL('**/salvata');
    await accessible(page, 'a saved request');
    const link = ((await page.textContent('#link-value')) ?? '').trim();
    await context.close();

    const home = await newPage(site.browser, desktop);
    await home.page.goto(link);
    await home.page.waitForURL('**/dettagli');
    assert.equal(await home.page.inputValue('#note'), 'Continuo a casa.');
    await home.context.close();

    const plain = await newPage(site.browser, { ...phone, javaScriptEnabled: false });
    await plain.page.goto(link);
    await plain.page.fill('#secret', link);
    await plain.page.click('main form button.btn-primary');
    await plain.page.waitForURL('**/dettagli');
    assert.equal(await plain.page.inputValue('#note'), 'Continuo a casa.');
    await plain.page.click(next);
    await introduces(plain.page, 'Salvata');
    await plain.page.click(next);
    await plain.page.click(next);
    await plain.page.waitForURL('**/conferma');
    booked('Salvata', 1);
    await plain.context.close();
  },
);

void test('who is in another time zone is told whose time it is', { timeout: 120_000 }, async () => {
  const seen = async (zone: string): Promise<string> => {
    const options: BrowserContextOptions = { ...phone, timezoneId: zone };
    const { page, context, errors } = await newPage(site.browser, options);
    await page.goto(`${site.counter.url}/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video`);
    const shown = page.locator('.sv-zone:visible');
    const note = (await shown.count()) ? ((await shown.first().textContent()) ?? '').trim() : '';
    await holds(page);
    const own = page.locator('.sv-recap .sv-zone:visible');
    const here = (await own.count()) ? ((await own.first().textContent()) ?? '').trim() : '';
    if (here) await picture(page, 'zone-phone');
    if (here) await accessible(page, 'a time in another zone');
    assert.deepEqual(errors, []);
    await context.close();
    return `${note} ${here}`.trim();
  };
  assert.match(
    await seen('America/New_York'),
    /^Gli orari sono quelli dell’ufficio \(fuso orario Europe\/Rome\)\. Gli orari .* Da te è \S+ \d+ \S+ 20\d\d .*\d\d:\d\d\.$/,
  );
  assert.equal(await seen('Europe/Rome'), '');
  assert.equal(await seen('Europe/Berlin'), '', 'the clocks are the same');
});

void test(
  'offices that do the same are compared, and two things fit one appointment',
  { timeout: 120_000 },
  async () => {
    const { page, context, errors } = await newPage(site.browser, { ...phone, javaScriptEnabled: false });
    await page.goto(`${site.counter.url}/it/prenota?ufficio=anagrafe`);
    await page.click('text=Confronta con gli altri uffici');
    await page.waitForURL('**/prenota?tipo=certificati-anagrafici');
    assert.equal(await page.locator('.sv-place').count(), 2);
    await picture(page, 'kind-phone');
    await page.locator('.sv-place', { hasText: 'Anagrafe' }).locator('a').first().click();
    await page.waitForURL('**/orario**');
    await page.click('summary:has-text("Aggiungi un altro servizio")');
    await page.click('.sv-together details a:has-text("Carta d\'identità")');
    await page.waitForSelector('text=In questo appuntamento');
    await picture(page, 'together-phone');
    await page.locator('#orari-form input[name=inizio]').first().check();
    await page.click('#orari-form button[type=submit]');
    await page.waitForURL('**/dettagli');
    await page.click(next);
    await introduces(page, 'Insieme');
    await page.click(next);
    await page.click(next);
    await page.waitForURL('**/conferma');
    assert.match((await page.textContent('main')) ?? '', /Certificati anagrafici \+ Carta d'identità elettronica/);
    site.counter
      .sql(`DO $$ BEGIN ASSERT (SELECT upper(period) - lower(period) = interval '35 minutes' AND cardinality(also) = 1
    FROM appointment a JOIN appointment_person p ON p.appointment_id = a.id WHERE p.surname = 'Insieme'); END $$`);
    assert.deepEqual(errors, []);
    await context.close();
  },
);
