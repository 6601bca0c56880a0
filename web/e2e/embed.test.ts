// The entry to the booking on a page of another site, with a strict policy of
// its own: a card with the next free time, and a plain link without the script.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { accessible, desktop, newPage, phone, picture, startSite } from './harness';
import { signIn } from './booking';

const site = startSite();
let html = '';
const other = createServer((_, response) => {
  const origin = site.counter.url;
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Content-Security-Policy', `default-src 'none'; script-src ${origin}; connect-src ${origin}`);
  response.end(html);
});
after(() => other.close());

void test('a link on the town’s site becomes a card with the next free time', { timeout: 120_000 }, async () => {
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${String((other.address() as AddressInfo).port)}/`;

  // What the administrator copies is what the page of the other site has.
  const admin = await newPage(site.browser, desktop);
  await signIn(admin.page, site.counter.url, 'amministratore', '/it/staff/amministrazione/incorpora');
  await accessible(admin.page, 'the page to copy from');
  await picture(admin.page, 'embed-admin');
  const here = (code: string) => code.replaceAll(/https?:\/\/[^/"]+/g, site.counter.url);
  const code = here(await admin.page.inputValue('#codice'));
  const script = here(await admin.page.inputValue('#script'));
  html = `<!doctype html><html lang="it"><head><title>Comune</title>${script}</head><body><main><h1>Servizi</h1><p>${code}</p></main></body></html>`;

  const { page, context, errors } = await newPage(site.browser, phone);
  await page.goto(address);
  const next = page.locator('.sportello-card .sportello-next');
  await next.waitFor();
  assert.match((await next.textContent()) ?? '', /^Primo posto libero: .*, \S+ \d+º? \S+ 20\d\d alle \d\d:\d\d/);
  const link = page.locator('.sportello-card a');
  assert.equal(await link.getAttribute('aria-describedby'), await next.getAttribute('id'));
  await picture(page, 'embed-card');
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(errors, []);
  await link.click();
  await page.waitForURL('**/prenota/orario?**');

  // Without JavaScript it is a link that leads to the same place.
  const plain = await newPage(site.browser, { ...phone, javaScriptEnabled: false });
  await plain.page.goto(address);
  await plain.page.click('a[data-sportello]');
  await plain.page.waitForURL('**/prenota/orario?**');
});
