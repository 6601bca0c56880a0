// Reception: the board of today's arrivals, which updates by itself, and the
// clerk's console, which shows by itself who has arrived.

import { test } from 'node:test';
import { book, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite, WORKDAY } from './harness';

const site = startSite({}, WORKDAY);

void test('reception marks who arrives, and both boards follow', { timeout: 120_000 }, async () => {
  const { page: reception } = await newPage(site.browser, desktop);
  await signIn(reception, site.counter.url, 'reception', '/it/staff/reception');
  await reception.waitForSelector('#live');
  const { page: clerk } = await newPage(site.browser, desktop);
  await signIn(clerk, site.counter.url, 'anagrafe', '/it/staff/sportello');
  const { page: citizen } = await newPage(site.browser, desktop);
  await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Neri', false);
  // The appointment is moved to the last hour of today, past the agenda's rules, as if that day had come.
  site.counter.sql(`
    UPDATE appointment a SET day = n.day, period = n.period, occupied = n.period
    FROM (SELECT day, tstzrange(start, start + interval '10 minutes') AS period
          FROM (SELECT (now() AT TIME ZONE 'Europe/Rome')::date AS day,
                       ((now() AT TIME ZONE 'Europe/Rome')::date + time '23:45') AT TIME ZONE 'Europe/Rome' AS start) s) n
    WHERE a.id = (SELECT appointment_id FROM appointment_person WHERE surname = 'Neri')`);
  const row = reception.locator('#live .st-row', { hasText: 'Neri' });
  await row.waitFor(); // without a reload
  await accessible(reception, 'the board');
  await row.locator('button').click();
  await reception.locator('#live .st-row-arrived', { hasText: 'Neri' }).waitFor();
  await clerk.locator('#live .st-row-arrived', { hasText: 'Neri' }).waitFor();
  await picture(reception, 'reception');
  await picture(clerk, 'console-arrived');
});
