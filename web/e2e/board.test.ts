// A board that hangs open for a week: the network goes and comes back, and what
// happened meanwhile is there without a reload.

import assert from 'node:assert/strict';
import { createConnection, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { book, comesToday, signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';

const site = startSite();

/** A cable between browser and counter that can be pulled. */
async function cable(to: string): Promise<{ url: string; pull: () => void; plug: () => void; close: () => void }> {
  const target = new URL(to);
  const open = new Set<Socket>();
  let pulled = false;
  const server = createServer((near) => {
    if (pulled) {
      near.destroy();
      return;
    }
    const far = createConnection(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const cut = (): void => {
    pulled = true;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    pull: cut,
    plug: () => {
      pulled = false;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}

void test('the stream is lost and comes back: the board follows', { timeout: 180_000 }, async () => {
  const { page: citizen } = await newPage(site.browser, desktop);
  const booked = await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Gallo', false);
  await citizen.context().close();
  comesToday(site.counter, 'Gallo', '23:30');
  const line = await cable(site.counter.url);
  try {
    const { page: board } = await newPage(site.browser, desktop);
    await signIn(board, line.url, 'reception', '/it/staff/reception');
    const row = board.locator('#live .st-row', { hasText: 'Gallo' });
    await row.waitFor();
    line.pull();
    await board.waitForSelector('#live-bar.st-live-lost');
    await accessible(board, 'a board without its counter');
    // Meanwhile somebody else checks them in, by the code of their confirmation.
    const { page: colleague } = await newPage(site.browser, desktop);
    await signIn(colleague, site.counter.url, 'reception', '/it/staff/reception');
    await colleague.fill('#chi', booked.code);
    await colleague.press('#chi', 'Enter');
    await colleague.locator('#live .st-row-arrived', { hasText: 'Gallo' }).waitFor();
    await picture(board, 'board-lost');
    line.plug();
    await board.locator('#live .st-row-arrived', { hasText: 'Gallo' }).waitFor({ timeout: 90_000 });
    await board.waitForSelector('#live-bar:not(.st-live-lost)');
    await board.context().close();
    await colleague.context().close();
  } finally {
    line.close();
  }
});

void test('the camera reads the QR of a confirmation', { timeout: 120_000 }, async () => {
  const { page: citizen } = await newPage(site.browser, desktop);
  const booked = await book(citizen, site.counter.url, 'anagrafe', 'cambio-residenza', 'Conti', false);
  comesToday(site.counter, 'Conti', '23:00');
  await citizen.context().close();
  const { page, context } = await newPage(site.browser, desktop);
  // Headless Chromium on Linux has a camera but nothing that reads codes: this one reads what the QR carries.
  await context.addInitScript((code) => {
    Object.assign(window, {
      BarcodeDetector: class {
        async detect(video: HTMLVideoElement): Promise<{ rawValue: string }[]> {
          return Promise.resolve(video.videoWidth > 0 ? [{ rawValue: code }] : []);
        }
      },
    });
  }, booked.code);
  await signIn(page, site.counter.url, 'reception', '/it/staff/reception');
  await page.focus('#scan');
  await page.keyboard.press('Enter');
  await page.locator('#live .st-row-arrived', { hasText: 'Conti' }).waitFor();
  await accessible(page, 'reception, after the camera');
  await picture(page, 'reception-scanned');
  await context.close();
});
