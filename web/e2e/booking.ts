// Booking in the browser, as a citizen does it: by links, buttons and fields.

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { Counter } from './harness';

export interface Booked {
  /** The address in the confirmation with which one manages it; its fragment is the secret. */
  readonly manage: string;
  readonly room: string;
  readonly code: string;
  readonly day: string; // 2026-03-02
  readonly time: string; // 09:00
}

/**
 * book books a service of an office; virtually where that is asked for. The
 * last free day of next month is far enough away to be changed, on any day.
 */
export async function book(
  page: Page,
  url: string,
  office: string,
  service: string,
  surname: string,
  virtual = true,
  nextMonth = false,
): Promise<Booked> {
  await page.goto(`${url}/it/prenota`);
  await page.check(`#u-${office}`);
  await page.click('main form .sv-nav button.btn-primary');
  await page.check(`#s-${service}`);
  await page.click('main form .sv-nav button.btn-primary');
  await page.waitForURL('**/prenota/orario**');
  const mode = page.locator('a.sv-choice', { hasText: virtual ? 'In videochiamata' : 'Allo sportello' });
  if (await mode.count()) await mode.click();
  if (nextMonth) {
    await far(page);
  }
  const slot = page.locator('#orari-form input[name=inizio]').first();
  const start = (await slot.getAttribute('value')) ?? '';
  assert.match(start, /^\d{4}-\d\d-\d\dT\d\d:\d\d/);
  await slot.check(); // waits until the page has scrolled to the calendar
  await page.click('#orari-form button[type=submit]');
  await page.waitForURL('**/dettagli');
  await page.fill('#note', 'Ho con me la denuncia di smarrimento.');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/richiedente');
  await page.fill('#name', 'Lucia');
  await page.fill('#surname', surname);
  await page.fill('#email', 'lucia@example.it');
  await page.check('#privacy');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/riepilogo');
  await page.click('form[data-once] button.btn-primary');
  await page.waitForURL('**/conferma');
  const manage = ((await page.textContent('#link-value')) ?? '').trim();
  const code = ((await page.textContent('.sv-code-value')) ?? '').trim();
  assert.match(manage, /#[\w-]{48}$/);
  assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  return {
    manage,
    code,
    room: manage.replace('/appuntamento#', '/stanza#'),
    day: start.slice(0, 10),
    time: start.slice(11, 16),
  };
}

/** signIn opens the staff's pages. */
export async function signIn(page: Page, url: string, login: string, then: string): Promise<void> {
  await page.goto(`${url}${then}`);
  await page.fill('#login', login);
  await page.fill('#password', 'sportello-demo');
  await page.click('form button[type=submit]');
  await page.waitForURL((at) => !at.pathname.endsWith('/accesso'));
  if (!page.url().includes(then)) await page.goto(`${url}${then}`);
}

/** far turns the calendar to its last free day of next month. */
export async function far(page: Page): Promise<void> {
  await page.click('a.sv-month-link[rel~=next]');
  await page.waitForURL('**mese=**');
  await page.locator('a.sv-day').last().click();
  await page.waitForURL('**giorno=**');
}

/**
 * comesToday moves somebody's appointment to an hour of the counter's today, past
 * the agenda's rules, as if that day had come.
 */
export function comesToday(counter: Counter, surname: string, clock: string): void {
  counter.sql(`
    UPDATE appointment a SET day = n.day, period = n.period, occupied = n.period
    FROM (SELECT day, tstzrange(start, start + interval '9 minutes') AS period
          FROM (SELECT (now() AT TIME ZONE 'Europe/Rome')::date AS day,
                       ((now() AT TIME ZONE 'Europe/Rome')::date + time '${clock}') AT TIME ZONE 'Europe/Rome' AS start) s) n
    WHERE a.id = (SELECT appointment_id FROM appointment_person WHERE surname = '${surname}')`);
}
