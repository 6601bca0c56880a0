// The administrator: an office from nothing to its first booking, through the
// guide and by keyboard, and a closure that asks those it affects to move.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { book, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';

const site = startSite();

void test('a new office is open for booking', { timeout: 240_000 }, async () => {
  const { page, errors } = await newPage(site.browser, desktop);
  const admin = '/it/staff/amministrazione';
  await signIn(page, site.counter.url, 'amministratore', admin);
  await page.goto(`${site.counter.url}${admin}/uffici/nuovo`);
  await page.focus('#name_it');
  await page.keyboard.type('Ufficio Sport');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/servizi/nuovo'); // the guide leads on
  await page.focus('#name_it');
  await page.keyboard.type('Prenotazione palestra');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/sportelli/nuovo');
  await page.focus('#name');
  await page.keyboard.type('Sportello Sport');
  await page.focus('input[name=services]');
  if (!(await page.isChecked('input[name=services]'))) await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/orari/*');
  await accessible(page, 'the hours of a new desk');
  await page.focus('button[value=anteprima]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('button[value=salva]');
  await page.focus('button[value=salva]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.st-guide-title .st-state-arrived'); // open
  await accessible(page, 'an office that has just opened');
  await picture(page, 'office-open');
  assert.deepEqual(errors, []);
  await page.context().close();

  const { page: citizen } = await newPage(site.browser, desktop);
  const booked = await book(citizen, site.counter.url, 'ufficio-sport', 'prenotazione-palestra', 'Ferri', false);
  assert.ok(booked.code);
  await citizen.context().close();
});

void test('a closure over a booked day asks for another time', { timeout: 240_000 }, async () => {
  const { page: citizen } = await newPage(site.browser, desktop);
  const booked = await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Serra', false);
  const { page } = await newPage(site.browser, desktop);
  const closures = '/it/staff/amministrazione/chiusure';
  await signIn(page, site.counter.url, 'amministratore', closures);
  await page.fill('#dal', booked.day);
  await page.fill('#motivo_it', 'Guasto');
  await page.click('button[value=anteprima]');
  await page.waitForSelector('.st-preview:has-text("Serra")');
  assert.ok(await page.isChecked('#chiedi'));
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `the preview scrolls sideways by ${over} px at ${width}`);
    await accessible(page, `the preview at ${width}`);
    await picture(page, `closure-preview-${width}`);
  }
  await page.click('button[value=salva]');
  await page.goto(`${site.counter.url}/it/staff/da-sistemare`);
  await page.waitForSelector('#da-sistemare :text("nessuna risposta")');
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `the list scrolls sideways by ${over} px at ${width}`);
    await accessible(page, `those to be settled at ${width}`);
    await picture(page, `unsettled-${width}`);
  }
  // The citizen opens the link of the message and takes the first free time by keyboard.
  await citizen.goto('about:blank');
  await citizen.goto(booked.manage);
  await citizen.waitForSelector('#altro-orario');
  for (const width of [320, 768, 1280]) {
    await citizen.setViewportSize({ width, height: 800 });
    await accessible(citizen, `another time at ${width}`);
    await picture(citizen, `displaced-${width}`);
  }
  await citizen.focus('.sv-offers button');
  await citizen.keyboard.press('Enter');
  await citizen.waitForSelector('.alert-success');
  assert.equal(await citizen.locator('#altro-orario').count(), 0);
  await page.reload();
  assert.equal(await page.locator('#da-sistemare', { hasText: 'Serra' }).count(), 0);
  await citizen.context().close();
  await page.context().close();
});
