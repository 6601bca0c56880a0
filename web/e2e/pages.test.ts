// Every page as it opens, from the narrowest phone to a desktop, in both
// languages: axe finds nothing, nothing scrolls sideways (WCAG 2.1, 1.4.10),
// and the browser has no complaint (a blocked script, a missing file).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, far, signIn } from './booking';
import { accessible, newPage, picture, stacked, startSite, WORKDAY } from './harness';

const site = startSite();

const narrow = { width: 320, height: 640 };
const wide = { width: 1280, height: 800 };

/** look checks a page at the widths where its layout may break. */
async function look(page: Page, name: string): Promise<void> {
  for (const width of [narrow.width, 390, 768, wide.width]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${name} scrolls sideways by ${over} px at ${width}`);
    assert.deepEqual(await covered(page), [], `${name} at ${width}: what is pressed lies over one another`);
    assert.deepEqual(await parted(page), [], `${name} at ${width}: a box stands on another line than its words`);
    assert.deepEqual(await broken(page), [], `${name} at ${width}: a number is broken`);
    await accessible(page, `${name} at ${width}`);
  }
}

/** covered lists pairs of what one can press or type in that lie over each other. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...document.querySelectorAll<HTMLElement>('a[href], button, input, select, textarea, summary')].filter(
      (x) =>
        x.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && x.offsetWidth > 1 && x.tabIndex >= 0,
    );
    const boxes = all.map((x) => [...x.getClientRects()]); // of a link, one for each of its lines
    const meet = (a: DOMRect, b: DOMRect): boolean =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    const name = (x: HTMLElement): string => `${x.tagName} ${x.id || x.textContent.trim().slice(0, 30)}`;
    return all.flatMap((x, i) =>
      all
        .slice(i + 1)
        .filter((y, k) => !x.contains(y) && boxes[i]?.some((a) => boxes[i + 1 + k]?.some((b) => meet(a, b))))
        .map((y) => `${name(x)} / ${name(y)}`),
    );
  });
}

/** broken lists the telephone numbers that go on in another line. */
function broken(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('a[href^="tel:"]')]
      .filter((number) => number.getClientRects().length > 1)
      .map((number) => number.textContent),
  );
}

/** parted lists the labels that begin with a box, and go on below it only. */
function parted(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLInputElement>('label > input[type=checkbox], label > input[type=radio]')]
      .filter((box) => {
        const range = document.createRange();
        range.selectNodeContents(box.labels?.[0] ?? box);
        range.setStartAfter(box);
        const words = [...range.getClientRects()].find((line) => line.width > 0);
        return words !== undefined && words.top > box.getBoundingClientRect().bottom;
      })
      .map((box) => box.labels?.[0]?.textContent.trim() ?? box.id),
  );
}

/** open goes to an address of the counter and expects it to be there. */
async function open(page: Page, path: string): Promise<void> {
  const answer = await page.goto(site.counter.url + path);
  assert.equal(answer?.status(), 200, path);
}

void test('the citizens’ pages', { timeout: 480_000 }, async () => {
  const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  for (const lang of ['it', 'en']) {
    for (const path of [
      '/',
      '/uffici/anagrafe',
      '/prenota',
      '/prenota?ufficio=tributi',
      '/prenota/orario?ufficio=anagrafe&servizio=certificati&anche=carta-identita',
      `/prenota/orario?ufficio=anagrafe&servizio=certificati&modo=presenza&mese=${WORKDAY.slice(0, 4)}-04`, // with the first of a month
      '/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza',
      '/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video',
      '/prenota/avvisami?ufficio=anagrafe&servizio=cambio-residenza&modo=video',
      '/appuntamento',
      '/privacy',
      '/accessibilita',
      '/api',
      '/staff/accesso',
      '/stanza',
    ]) {
      await open(page, `/${lang}${path}`);
      assert.equal(await page.getAttribute('html', 'lang'), lang);
      await look(page, `/${lang}${path}`);
    }
  }
  assert.deepEqual(errors, []);
  await page.goto(`${site.counter.url}/it/nowhere`);
  await look(page, 'a page that is not there');
  await page.context().close();
});

void test('the steps of a booking, and managing it', { timeout: 360_000 }, async () => {
  const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  await open(page, '/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video');
  await far(page); // what is far enough away can be changed, on any day
  await page.locator('#orari-form input[name=inizio]').first().check();
  await page.click('#orari-form button[type=submit]');
  await page.waitForURL('**/dettagli');
  await look(page, 'Dettagli');
  const details = page.url();
  await page.click('.sv-save');
  await page.waitForURL('**/salvata');
  await look(page, 'Richiesta salvata');
  const { page: elsewhere, context: other } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  await elsewhere.goto(details.replace('/dettagli', ''));
  await look(elsewhere, 'Riprendi la richiesta');
  await other.close();
  await page.goto(details);
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/richiedente');
  await look(page, 'Richiedente');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForSelector('[aria-invalid=true]');
  await look(page, 'Richiedente with errors');
  await picture(page, 'person-errors');
  await page.fill('#name', 'Lucia');
  await page.fill('#surname', 'Bianchi');
  await page.fill('#phone', '333 123 4567');
  await page.check('#privacy');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/riepilogo');
  await look(page, 'Riepilogo');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/conferma');
  await look(page, 'Appuntamento confermato');
  const link = ((await page.textContent('#link-value')) ?? '').trim();
  await page.goto('about:blank');
  await page.goto(link);
  await page.waitForSelector('a[href$="/disdici"]');
  await look(page, 'Il tuo appuntamento');
  const address = page.url();
  for (const change of ['disdici', 'sposta']) {
    await page.goto(address);
    await page.click(`a[href$="/${change}"]`);
    await page.waitForURL(`**/${change}**`);
    await look(page, change);
  }
  // The browser notes a form that came back with its errors (422) as one of its own.
  assert.deepEqual(
    errors.filter((e) => !e.includes('422')),
    [],
  );
  await page.context().close();
});

void test('the waiting list, joined with JavaScript off', { timeout: 120_000 }, async () => {
  const { page: plain } = await newPage(site.browser, { viewport: narrow, locale: 'it-IT', javaScriptEnabled: false });
  await open(plain, '/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video');
  await plain.click('a[href*="/prenota/avvisami"]');
  await plain.click('main form .sv-nav button');
  await plain.waitForSelector('#until[aria-invalid=true]');
  await picture(plain, 'wait-errors');
  await plain.fill('#until', (await plain.getAttribute('#until', 'min')) ?? '');
  await plain.fill('#name', 'Ugo');
  await plain.fill('#surname', 'Neri');
  await plain.fill('#phone', '333 765 4321');
  await plain.check('#privacy');
  await plain.click('main form .sv-nav button');
  await plain.waitForSelector('.sv-code-small');
  await picture(plain, 'waiting');
  const code = ((await plain.textContent('.sv-code-small')) ?? '').trim();
  const address = plain.url();
  await plain.context().close();

  // Times are free, so one is offered at once: seen with the code, then left.
  const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  await open(page, '/it/appuntamento');
  await page.fill('#code', code);
  await page.fill('#surname', 'neri');
  await page.click('main form button.btn-primary');
  await page.waitForURL(address);
  await look(page, 'a place in line, or an offer');
  await picture(page, 'waiting-wide');
  await page.click('form[action$="/lascia"] button');
  await page.waitForSelector('h1:has-text("Non sei più in lista")');
  await look(page, 'a waiting list that was left');
  assert.deepEqual(errors, []);
  await page.context().close();
});

const staff: Record<string, string[]> = {
  operatore: ['/staff/operatore', '/staff/operatore?servizio=carta-identita'],
  reception: ['/staff/reception', '/staff/reception/senza-appuntamento', '/staff/sale'],
  anagrafe: ['/staff/sportello', '/staff/sportello/pausa'],
  amministratore: [
    '/staff/amministrazione',
    '/staff/amministrazione/uffici/nuovo',
    '/staff/amministrazione/uffici/1',
    '/staff/amministrazione/uffici/1/servizi/nuovo',
    '/staff/amministrazione/uffici/1/sportelli/nuovo',
    '/staff/amministrazione/servizi/1',
    '/staff/amministrazione/sportelli/1',
    '/staff/amministrazione/sportelli/1/calendario',
    '/staff/amministrazione/orari/1',
    '/staff/amministrazione/chiusure',
    '/staff/da-sistemare',
    '/staff/amministrazione/persone',
    '/staff/amministrazione/persone/1',
    '/staff/amministrazione/settimana',
    '/staff/amministrazione/statistiche',
    '/staff/amministrazione/api',
    '/staff/amministrazione/incorpora',
    '/staff/amministrazione/registro',
    '/staff/amministrazione/agenda',
    '/staff/amministrazione/dati',
    '/staff/posta',
  ],
};

for (const [login, paths] of Object.entries(staff)) {
  void test(`the pages of ${login}`, { timeout: 480_000 }, async () => {
    const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
    const { page: citizen } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
    await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Neri');
    await citizen.context().close();
    await signIn(page, site.counter.url, login, `/it${paths[0] ?? ''}`);
    for (const lang of ['it', 'en']) {
      for (const path of paths) {
        await open(page, `/${lang}${path}`);
        await look(page, `/${lang}${path}`);
      }
    }
    assert.deepEqual(errors, []);
    await page.context().close();
  });
}

void test('the log of one appointment, by keyboard only', { timeout: 120_000 }, async () => {
  const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  await signIn(page, site.counter.url, 'amministratore', '/it/staff/amministrazione');
  await open(page, '/it/staff/amministrazione/registro');
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
  const presses = async (words: string): Promise<void> => {
    for (let n = 0; !(await focused()).startsWith(words); n++) {
      assert.ok(n < 60, `no way by Tab to ${words}`);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
  };
  await presses('Appuntamento: ');
  await page.waitForURL(/di=appointment/);
  assert.equal(await page.getByText('Solo ciò che riguarda:').count(), 1);
  await look(page, 'the log of one appointment');
  await stacked(page, 'Operazioni');
  await presses('Mostra tutto');
  await page.waitForURL((url) => !url.searchParams.has('di'));
  assert.deepEqual(errors, []);
  await page.context().close();
});

void test('hours that overlap are said before they are saved', { timeout: 120_000 }, async () => {
  const { page, errors } = await newPage(site.browser, { viewport: wide, locale: 'it-IT' });
  await signIn(page, site.counter.url, 'amministratore', '/it/staff/amministrazione');
  await open(page, '/it/staff/amministrazione/orari/1');
  const day = await page.inputValue('select[name=giorno] >> nth=0');
  await page.selectOption('select[name=giorno] >> nth=-1', day);
  await page.fill('input[name=dalle] >> nth=-1', '10:00');
  await page.fill('input[name=alle] >> nth=-1', '19:00');
  await page.selectOption('select[name=per] >> nth=-1', 'operators');
  await page.click('button[value=anteprima]');
  await page.waitForSelector('[role=note]');
  assert.match((await page.textContent('[role=note]')) ?? '', /si sovrappongono dalle 10:00/);
  await look(page, 'hours that overlap');
  await page.setViewportSize(narrow);
  await page.locator('[role=note]').scrollIntoViewIfNeeded();
  await picture(page, 'hours-overlap');
  await page.setViewportSize(wide);
  await picture(page, 'hours-overlap-wide');
  await open(page, '/it/staff/amministrazione/uffici/1');
  await page.locator('#cool_for').scrollIntoViewIfNeeded();
  await picture(page, 'office-cooling-wide');
  await page.setViewportSize(narrow);
  await page.locator('#cool_for').scrollIntoViewIfNeeded();
  await picture(page, 'office-cooling');
  assert.deepEqual(errors, []);
  await page.context().close();
});
