// The hall: somebody without an appointment gets a place and a ticket, and the
// screen shows and speaks the call, also after it was cut off.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book, signIn } from './booking';
import { accessible, desktop, eventually, newPage, phone, picture, startSite } from './harness';

const site = startSite();

/** Notes what is spoken and how often the chime sounds, in place of a loudspeaker. */
function listen(): void {
  const heard = { said: [] as string[], tones: 0 };
  Object.assign(window, { heard });
  window.speechSynthesis.speak = (words) => {
    heard.said.push(`${words.lang}: ${words.text}`);
    words.dispatchEvent(new Event('end'));
  };
  // The browser calls it with a receiver of its own.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (this: OscillatorNode, when?: number) {
    heard.tones++;
    start.call(this, when);
  };
}

async function said(screen: Page): Promise<string[]> {
  return screen.evaluate(() => (window as unknown as { heard: { said: string[] } }).heard.said);
}

void test('a ticket is given, called, shown and spoken', { timeout: 180_000 }, async () => {
  // Walk-ins have today to themselves, from this minute on.
  site.counter.sql(`
    UPDATE desk_day dd SET open = tstzmultirange(tstzrange(date_trunc('minute', now()) + interval '1 minute', now() + interval '4 hours'))
    FROM desk d JOIN office o ON o.id = d.office_id
    WHERE d.id = dd.desk_id AND o.slug = 'anagrafe' AND 'in_person' = ANY(d.modes)
      AND dd.day = (now() AT TIME ZONE 'Europe/Rome')::date;
    UPDATE service SET duration = '1 minute', step = '1 minute', buffer = '0' WHERE slug = 'carta-identita'`);

  const { page: reception } = await newPage(site.browser, desktop);
  await signIn(reception, site.counter.url, 'reception', '/it/staff/reception');

  // A screen's link, made once and opened on the screen.
  await reception.goto(`${site.counter.url}/it/staff/sale`);
  await reception.selectOption('#sala', 'anagrafe');
  await reception.click('main form.st-inline button[type=submit]');
  const link = await reception.inputValue('#link');
  await accessible(reception, 'the list of screens');
  await picture(reception, 'hall-screens');
  const {
    page: screen,
    context: hall,
    errors,
  } = await newPage(site.browser, {
    viewport: { width: 1920, height: 1080 },
    locale: 'it-IT',
  });
  await hall.addInitScript(listen);
  await screen.goto(`${site.counter.url}${new URL(link).pathname}${new URL(link).hash}`);
  await screen.click('#sound');
  assert.ok(!screen.url().includes('#'), 'the secret is out of the address bar');
  await accessible(screen, 'the empty screen');
  await eventually(
    'the sound is tried',
    () => said(screen),
    (all) => all.length === 1,
  );

  // A walk-in, by keyboard alone.
  await reception.goto(`${site.counter.url}/it/staff/reception`);
  await reception.keyboard.press('Alt+s');
  await reception.waitForURL(/senza-appuntamento$/);
  await reception.selectOption('#servizio', 'anagrafe/carta-identita'); // shows its times by itself
  await reception.waitForSelector('input[name=orario]:checked');
  await accessible(reception, 'the free times of today');
  await picture(reception, 'walkin');
  await reception.focus('#nome');
  await reception.keyboard.press('Enter'); // the first time, without a name
  await reception.waitForSelector('.st-ticket-big');
  const ticket = (await reception.textContent('.st-ticket-big'))?.trim() ?? '';
  assert.match(ticket, /^[A-Z]1$/);
  assert.match((await reception.textContent('.st-code-big')) ?? '', /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await accessible(reception, 'the walk-in is done');
  await picture(reception, 'walkin-done');
  await reception.setViewportSize({ width: 320, height: 640 });
  const wide = await reception.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 320, `nothing is wider than 320 px: ${wide}`);
  await reception.setViewportSize({ width: 390, height: 844 });
  await picture(reception, 'walkin-done-390');

  // The clerk calls; the screen shows and says it.
  const { page: clerk } = await newPage(site.browser, desktop);
  await signIn(clerk, site.counter.url, 'anagrafe', '/it/staff/sportello');
  await clerk.locator('.st-next button', { hasText: 'Chiama' }).click();
  const call = screen.locator('.hl-call.is-new', { hasText: ticket });
  await call.waitFor();
  const spoken = await eventually(
    'the call is spoken',
    () => said(screen),
    (all) => all.length === 2,
  );
  assert.match(spoken[1] ?? '', new RegExp(`^it-IT: Numero ${ticket}, `));
  await accessible(screen, 'the screen with a call');
  await clerk.locator('.st-current').waitFor();
  await accessible(clerk, 'the console while somebody is called');
  await picture(clerk, 'console-called');

  // Again, while the screen is cut off: it catches up when it is back.
  await hall.setOffline(true);
  await clerk.locator('.st-current button', { hasText: 'Chiama di nuovo' }).click();
  await clerk.locator('#flash', { hasText: 'Chiamato di nuovo' }).waitFor();
  await hall.setOffline(false);
  await eventually(
    'the second call is spoken',
    () => said(screen),
    (all) => all.length === 3,
  );

  // More people, for the look of a full hall.
  for (let n = 2; n <= 4; n++) {
    await reception.goto(`${site.counter.url}/it/staff/reception/senza-appuntamento?servizio=anagrafe/carta-identita`);
    await reception.fill('#nome', `Persona ${String(n)}`);
    await reception.keyboard.press('Enter');
    await reception.waitForSelector('.st-ticket-big');
    await clerk.locator('.st-next button', { hasText: 'Chiama' }).click();
    await screen.locator('.hl-call.is-new', { hasText: ticket.replace('1', String(n)) }).waitFor();
  }
  const names = await screen.textContent('body');
  assert.ok(!names?.includes('Persona'), 'the screen names nobody');
  const heard = await screen.evaluate(() => (window as unknown as { heard: { tones: number } }).heard.tones);
  assert.ok(heard >= 6, `the chime sounds before each call: ${heard} tones`);
  await picture(screen, 'hall-1920');
  await reception.goto(`${site.counter.url}/it/sala/palazzo-comunale`); // the whole building, as the reception sees it
  await reception.setViewportSize({ width: 1920, height: 1080 });
  await reception.locator('.hl-call', { hasText: 'Anagrafe' }).first().waitFor();
  await accessible(reception, 'the screen of the building');
  await picture(reception, 'hall-building');
  await reception.setViewportSize({ width: 390, height: 844 });
  await screen.setViewportSize({ width: 1280, height: 720 });
  await picture(screen, 'hall-1280');
  await screen.setViewportSize({ width: 390, height: 844 });
  await screen.waitForFunction(() => document.getAnimations().length === 0); // the blinking is over
  await picture(screen, 'hall-390');
  await screen.setViewportSize({ width: 320, height: 640 });
  assert.ok((await screen.evaluate(() => document.documentElement.scrollWidth)) <= 320, 'the screen fits 320 px');
  await reception.goto(`${site.counter.url}/it/staff/reception`);
  await accessible(reception, 'the board with tickets');
  await picture(reception, 'reception-390');
  await reception.setViewportSize({ width: 1280, height: 800 });
  await picture(reception, 'reception-1280');
  // What failed while it was cut off is no fault of the page.
  assert.deepEqual(
    errors.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED')),
    [],
  );
});

void test('the confirmation has a code to scan and a question', { timeout: 120_000 }, async () => {
  const { page } = await newPage(site.browser, phone);
  await book(page, site.counter.url, 'anagrafe', 'carta-identita', 'Verdi', false);
  await page.waitForSelector('.sv-qr svg');
  await accessible(page, 'the confirmation');
  await page.locator('.sv-code').scrollIntoViewIfNeeded();
  await page.screenshot({ path: 'web/e2e/out/done-390.png', fullPage: true });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.screenshot({ path: 'web/e2e/out/done-1280.png', fullPage: true });
  await page.setViewportSize({ width: 320, height: 640 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, 'the confirmation fits 320 px');
  // By keyboard: the third mark, and Enter.
  await page.focus('input[name=stelle]');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.inputValue('input[name=stelle]:checked'), '3');
  await page.keyboard.press('Enter');
  await page.locator('.sv-rating', { hasText: 'Grazie' }).waitFor();
  await accessible(page, 'the thanks');
});
