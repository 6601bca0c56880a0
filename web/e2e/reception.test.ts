// Reception: the board of today's arrivals, which updates by itself, and the
// clerk's console, which shows by itself who has arrived.

import { test } from 'node:test';
import { book, comesToday, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';

const site = startSite();

void test('reception marks who arrives, and both boards follow', { timeout: 120_000 }, async () => {
  const { page: reception } = await newPage(site.browser, desktop);
  await signIn(reception, site.counter.url, 'reception', '/it/staff/reception');
  await reception.waitForSelector('#live');
  const { page: clerk } = await newPage(site.browser, desktop);
  await signIn(clerk, site.counter.url, 'anagrafe', '/it/staff/sportello');
  const { page: citizen } = await newPage(site.browser, desktop);
  await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Neri', false);
  comesToday(site.counter, 'Neri', '23:45');
  const row = reception.locator('#live .st-row', { hasText: 'Neri' });
  await row.waitFor(); // without a reload
  await accessible(reception, 'the board');
  await row.locator('button').click();
  await reception.locator('#live .st-row-arrived', { hasText: 'Neri' }).waitFor();
  await clerk.locator('#live .st-row-arrived', { hasText: 'Neri' }).waitFor();
  await picture(reception, 'reception');
  await picture(clerk, 'console-arrived');
});
