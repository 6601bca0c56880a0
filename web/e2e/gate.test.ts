// Who may not come in, and is told why; and who has no camera to show.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { book } from './booking';
import { accessible, desktop, flows, newPage, phone, picture, startBrowser, startSite } from './harness';

const site = startSite();

/** tryIn opens a link as far as it goes and gives the notice that stops it. */
async function tryIn(page: Page, link: string): Promise<{ id: string; text: string }> {
  await page.goto('about:blank');
  await page.goto(link);
  await page.waitForSelector('[data-view=preview], [data-notice]');
  if (await page.locator('[data-view=preview]').count()) await page.click('[data-action=enter]');
  const notice = page.locator('[data-notice]:not([data-notice=connecting])');
  await notice.waitFor();
  return { id: (await notice.getAttribute('data-notice')) ?? '', text: (await notice.textContent()) ?? '' };
}

function secret(): string {
  const raw = randomBytes(32);
  return Buffer.concat([raw, createHash('sha256').update(raw).digest().subarray(0, 4)]).toString('base64url');
}

void test('without a valid link nobody comes in, and each case has its own words', { timeout: 120_000 }, async () => {
  const { page, errors } = await newPage(site.browser, { ...phone, viewport: { width: 320, height: 640 } });
  const room = `${site.counter.url}/it/stanza`;

  const none = await tryIn(page, room);
  assert.equal(none.id, 'no-secret');
  const damaged = await tryIn(page, `${room}#${secret().slice(1)}`);
  assert.equal(damaged.id, 'token-damaged');
  assert.match(damaged.text, /non è completo/);
  const unknown = await tryIn(page, `${room}#${secret()}`);
  assert.equal(unknown.id, 'token-unknown');
  await picture(page, 'gate-unknown-320');
  await accessible(page, 'a notice');

  // A booked appointment is too early, and says when it opens; cancelled, it says so.
  const booked = await book(page, site.counter.url, 'anagrafe', 'cambio-residenza', 'Verdi', true, true);
  const early = await tryIn(page, booked.room);
  assert.equal(early.id, 'too-early');
  assert.ok(
    early.text.includes(String(Number(booked.day.slice(8)))) && early.text.includes(booked.day.slice(0, 4)),
    early.text,
  );
  await picture(page, 'gate-early-320');
  await page.goto('about:blank');
  await page.goto(booked.manage);
  await page.click('a[href$="/disdici"]');
  await page.click('main form button.btn-danger');
  await page.waitForURL((url) => !url.pathname.endsWith('/disdici'));
  const cancelled = await tryIn(page, booked.room);
  assert.equal(cancelled.id, 'cancelled');

  const texts = [none, damaged, unknown, early, cancelled].map((n) => n.text);
  assert.equal(new Set(texts).size, texts.length);
  assert.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    'no sideways scrolling at 320 px',
  );
  assert.deepEqual(errors, []);
  await page.context().close();
});

void test(
  'the server refuses a changed secret by itself, and never gets one in an address',
  { timeout: 60_000 },
  async () => {
    const { page } = await newPage(site.browser, desktop);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('websocket', (socket) => asked.push(socket.url()));
    const token = new URL(site.counter.citizenLink).hash.slice(1);
    await page.goto(site.counter.citizenLink);
    await page.click('[data-action=enter]');
    await page.waitForSelector('[data-view=lobby]');
    assert.ok(asked.length > 2 && asked.every((url) => !url.includes(token)), 'the secret is in no address');
    const answer = await page.evaluate(
      async (changed) => {
        const socket = new WebSocket(`ws://${location.host}/ws`);
        return new Promise<unknown>((resolve) => {
          socket.onmessage = (event: MessageEvent<string>) => {
            const message = JSON.parse(event.data) as { type: string };
            if (message.type !== 'hello') resolve(message);
            else
              socket.send(
                JSON.stringify({
                  type: 'join',
                  version: 1,
                  token: changed,
                  device: { camera: 'ok', microphone: 'ok' },
                }),
              );
          };
        });
      },
      `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`,
    );
    assert.deepEqual(
      [(answer as { type: string }).type, (answer as { code: string }).code, (answer as { fatal: boolean }).fatal],
      ['error', 'token-damaged', true],
    );
    await page.context().close();
  },
);

void test('a refused permission is explained, and one can wait without a camera', { timeout: 60_000 }, async () => {
  const refusing = await startBrowser(['--use-fake-device-for-media-stream', '--deny-permission-prompts']);
  try {
    const { page } = await newPage(refusing, phone);
    await page.goto(site.counter.citizenLink);
    await page.waitForSelector('.device-note:not([hidden])');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.device-note')].every((n) => n.textContent.includes('non ha il permesso')),
    );
    await picture(page, 'preview-denied-phone');
    await accessible(page, 'the preview without permission');
    await page.click('[data-action=enter]');
    await page.waitForSelector('[data-view=lobby]');
  } finally {
    await refusing.close();
  }
});

void test(
  'who enters before the browser has asked for the camera is seen all the same',
  { timeout: 90_000 },
  async () => {
    const { page: citizen, context } = await newPage(site.browser, phone);
    await context.addInitScript(() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      const answered = new Promise<void>((resolve) => {
        Object.assign(window, { answer: resolve });
      });
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        await answered;
        return ask(wanted);
      };
    });
    await citizen.goto(site.counter.citizenLink);
    await citizen.click('[data-action=enter]');
    const { page: clerk } = await newPage(site.browser, desktop);
    await clerk.goto(site.counter.clerkLink);
    await clerk.click('[data-action=enter]');
    await clerk.click('[data-action=lobby-bar]');
    await citizen.waitForSelector('[data-view=call]');
    await clerk.waitForSelector('.tile:not(.mine)[data-camera=off]');
    await citizen.evaluate(() => {
      (window as unknown as { answer: () => void }).answer();
    });
    await flows(clerk, 'the clerk', 1);
    await citizen.context().close();
    await clerk.context().close();
  },
);
