// The operator with somebody on the line: from the greeting to the dictated
// code, and back to change and to cancel, without ever touching the mouse.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';
import { Keys } from './keys';

const site = startSite();

void test('a call, by keyboard only', { timeout: 180_000 }, async () => {
  const { page, errors } = await newPage(site.browser, desktop);
  await signIn(page, site.counter.url, 'operatore', '/it/staff/operatore');
  await page.evaluate(() => {
    for (const kind of ['pointerdown', 'mousedown']) {
      addEventListener(kind, () => {
        document.title = 'a mouse was used';
      });
    }
  });
  const keys = new Keys(page);
  await keys.focusOn('#servizio');
  await keys.type('cambio');
  await keys.press('Enter');
  await keys.focusOn('input[name=orario]'); // the first free start
  await keys.press('Space', 'Alt+n');
  await keys.type('Anna');
  await keys.press('Tab');
  await keys.type('Verdi');
  await keys.press('Tab');
  await keys.type('3331234567');
  assert.notEqual(await page.title(), 'a mouse was used');
  await keys.press('Alt+p');
  await page.waitForURL('**/staff/operatore/fatto/**');
  const code = ((await page.textContent('.st-code-big')) ?? '').trim();
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  const own = 'cambio'.length + 'Anna'.length + 'Verdi'.length + '3331234567'.length;
  assert.ok(keys.count - own <= 6, `${keys.count - own} key presses beside what is typed anyway`);
  await accessible(page, 'the code to dictate');
  await picture(page, 'operator-code');

  // Two services in one appointment: a plus sign and a few letters more, no key press besides.
  await keys.press('Alt+s');
  await page.waitForURL('**/staff/operatore');
  const beforeSeveral = keys.count;
  await keys.focusOn('#servizio');
  await keys.type('identita+certif');
  await keys.press('Enter');
  await keys.focusOn('input[name=orario]');
  assert.match(
    (await page.textContent('.st-chosen')) ?? '',
    /Carta d'identità elettronica – Anagrafe \+ Certificati anagrafici · 35 minuti/,
  );
  await keys.press('Space', 'Alt+n');
  await keys.type('Bruno');
  await keys.press('Tab');
  await keys.type('Gallo');
  await keys.press('Tab');
  await keys.type('3337654321');
  await picture(page, 'operator-several');
  await accessible(page, 'several services at the phone desk');
  await keys.press('Alt+p');
  await page.waitForURL('**/staff/operatore/fatto/**');
  assert.match((await page.textContent('.lead')) ?? '', /Carta d'identità elettronica \+ Certificati anagrafici/);
  const typed = 'identita+certif'.length + 'Bruno'.length + 'Gallo'.length + '3337654321'.length;
  assert.ok(
    keys.count - beforeSeveral - typed <= 6,
    `${keys.count - beforeSeveral - typed} key presses beside what is typed anyway`,
  );
  // Or by the link beside the times, without leaving the keyboard.
  await keys.press('Alt+s');
  await page.waitForURL('**/staff/operatore');
  await keys.focusOn('#servizio');
  await keys.type('identita');
  await keys.press('Enter');
  await keys.focusOn('input[name=orario]');
  await keys.tabBackTo('#insieme');
  await keys.press('Enter');
  await keys.tabTo('.st-together a');
  await keys.press('Enter');
  await page.waitForFunction(() => document.querySelector('.st-chosen')?.textContent.includes(' + ') ?? false);
  await keys.focusOn('input[name=orario]');

  // No time suits: onto the waiting list, found again by name, and off it.
  await page.goto(`${site.counter.url}/it/staff/operatore?servizio=cambio`);
  await keys.press('Alt+n');
  await keys.type('Dora');
  await keys.press('Tab');
  await keys.type('Monti');
  await keys.press('Tab');
  await keys.type('3330001112');
  await keys.press('Alt+o');
  await keys.tabTo('#attesa');
  await keys.press('Enter');
  await keys.tabTo('button[value=attesa]');
  await keys.press('Enter');
  await page.waitForURL('**/staff/operatore/fatto/**');
  await page.waitForSelector('h1:has-text("In lista d’attesa")');
  await picture(page, 'operator-wait-done');
  await keys.press('Alt+s');
  await page.waitForURL('**/staff/operatore');
  await keys.press('Alt+c');
  await keys.type('Monti');
  await keys.press('Enter');
  await page.waitForSelector('#found a');
  await keys.tabTo('#found a');
  await keys.press('Enter');
  await page.waitForURL('**/staff/operatore/appuntamento/**');
  await page.setViewportSize({ width: 320, height: 800 });
  await accessible(page, 'a place in line');
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, 'a place in line fits 320 px');
  await picture(page, 'operator-wait-320');
  await page.setViewportSize({ width: 1280, height: 800 });
  await keys.tabTo('.st-danger summary');
  await keys.press('Enter');
  await keys.tabTo('.st-danger button');
  await keys.press('Enter');
  await page.waitForSelector('#flash .st-flash-success');
  await page.waitForSelector('text=Non più in lista');

  // The same caller again: found by name, filled in, and told of what there is.
  await page.goto(`${site.counter.url}/it/staff/operatore`);
  await keys.press('Alt+c');
  await keys.focusOn('#chi');
  await keys.type('333 123 4567');
  await keys.press('Enter');
  await keys.focusOn('#found button');
  await keys.press('Enter');
  await keys.focusOn('#nome');
  assert.equal(await page.inputValue('#cognome'), 'Verdi');
  await keys.press('Alt+s');
  await keys.type('cambio');
  await keys.press('Enter');
  await keys.focusOn('input[name=orario]');
  await keys.press('Space', 'Enter'); // Enter books, whatever other buttons there are
  await page.waitForSelector('text=ha già un appuntamento');
  await accessible(page, 'a caller who has an appointment already');
  await picture(page, 'operator-already');

  // From there to the appointment: moved in one step, then cancelled.
  await keys.tabTo('a[href*="/staff/operatore/appuntamento/"]');
  await keys.press('Enter');
  await page.waitForURL('**/staff/operatore/appuntamento/**');
  const before = await page.textContent('.st-facts dd');
  await keys.tabTo('input[name=orario]');
  await keys.press('ArrowDown', 'Enter'); // the next start: the first is the same hour at another desk
  await page.waitForSelector('#flash .st-flash-success');
  assert.notEqual(await page.textContent('.st-facts dd'), before);
  await keys.tabTo('summary:not(.st-keys summary)');
  await keys.tabTo('.st-danger summary');
  await keys.press('Enter');
  await keys.tabTo('.st-danger button');
  await keys.press('Enter');
  await page.waitForSelector('.st-state-cancelled');
  // The browser notes an answer of 409 as an error of its own.
  assert.deepEqual(
    errors.filter((e) => !e.includes('409')),
    [],
  );
  await page.context().close();
});
