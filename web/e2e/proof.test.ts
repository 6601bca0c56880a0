// A connection that takes many places is asked for a proof of work; the person
// at it has nothing to do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { book } from './booking';
import { accessible, newPage, phone, picture, startSite } from './harness';

const site = startSite({ SPORTELLO_HOLD_RATE: '1' });

void test('a busy connection works a moment, and the booking goes on by itself', { timeout: 120_000 }, async () => {
  const { page, errors } = await newPage(site.browser, phone);
  await book(page, site.counter.url, 'anagrafe', 'cambio-residenza', 'Verdi');

  // The script is held back, to look at the page while it works.
  let letGo: () => void = () => undefined;
  const looked = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/static/proof.*.js', async (route) => {
    await looked;
    await route.continue();
  });
  await page.goto(`${site.counter.url}/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video`);
  const slot = page.locator('#orari-form input[name=inizio]').first();
  await slot.check();
  await page.click('#orari-form button[type=submit]', { noWaitAfter: true });
  await page.waitForSelector('form[data-proof]');
  assert.equal(await page.textContent('main h2'), 'Un momento, un controllo automatico');
  await accessible(page, 'the proof');
  await picture(page, 'proof-phone');
  letGo();
  await page.waitForURL('**/dettagli');

  // Without JavaScript the page says what one can do instead.
  const plain = await newPage(site.browser, { ...phone, javaScriptEnabled: false });
  await plain.page.goto(`${site.counter.url}/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video`);
  await plain.page.locator('#orari-form input[name=inizio]').first().check();
  await plain.page.click('#orari-form button[type=submit]');
  await plain.page.waitForSelector('form[data-proof]');
  assert.match((await plain.page.textContent('main')) ?? '', /Serve JavaScript per questo controllo/);
  await picture(plain.page, 'proof-plain');
  // The browser notes the status of the page that asks.
  assert.deepEqual(
    errors.filter((error) => !error.includes('429')),
    [],
  );
});
