// Real-time text between two pages: letters appear before the line is
// finished, corrections too; by keyboard alone, on a phone, and after a break.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  accessible,
  desktop,
  dropSockets,
  eventually,
  meet,
  newPage,
  peersMade,
  phone,
  picture,
  startSite,
} from './harness';

const site = startSite();
const small = { ...phone, viewport: { width: 320, height: 568 } };

/** lines are the finished ones on a page, and typing those that grow. */
const lines = (page: Page): Promise<string[]> => page.locator('.text-panel .chat-log .chat-line p').allTextContents();
const typing = (page: Page): Promise<string[]> => page.locator('.text-typing .chat-line p').allTextContents();

async function shows(page: Page, what: (page: Page) => Promise<string[]>, wanted: string[]): Promise<void> {
  await eventually(
    `shows ${wanted.join(' | ')}`,
    () => what(page),
    (got) => JSON.stringify(got) === JSON.stringify(wanted),
  );
}

/** spoken collects what the polite regions of a page say from now on. */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    const hear = (nodes: NodeList): void => {
      for (const node of nodes) {
        const live = node.parentElement?.closest('[role=status], [role=log], [role=alert], [aria-live]');
        if (live && live.getAttribute('aria-live') !== 'off') said.push(node.textContent ?? '');
      }
    };
    new MutationObserver((changes) => {
      for (const change of changes) hear(change.addedNodes);
    }).observe(document.body, { childList: true, subtree: true });
  });
  return () => page.evaluate(() => (window as unknown as { said: string[] }).said);
}

/** tabTo walks there by keyboard alone. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await page.locator(selector).evaluate((e) => e === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${selector} is not reached by Tab`);
}

void test('what is typed is read while it is typed', { timeout: 150_000 }, async () => {
  const { page: citizen, errors } = await newPage(site.browser, small);
  const { page: clerk, errors: clerkErrors } = await newPage(site.browser, desktop);
  await meet(site.counter, citizen, clerk);
  for (const page of [citizen, clerk])
    await eventually(
      'media is up',
      () =>
        page.evaluate(
          () => (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers[0]?.connectionState,
        ),
      (state) => state === 'connected',
    );

  // The clerk opens and switches it on by keyboard.
  const heard = await listen(citizen);
  await clerk.keyboard.press('Alt+Shift+T');
  await tabTo(clerk, '[data-action=text]');
  await clerk.keyboard.press('Space');
  await tabTo(clerk, '#text-line');

  // The citizen is told and invited, and takes the invitation.
  await citizen.waitForSelector('.text-bar:not([hidden])');
  assert.ok((await heard()).some((s) => s.includes('ha attivato il testo in tempo reale')));
  await picture(citizen, 'text-invitation-320');
  await accessible(citizen, 'the invitation');
  await tabTo(citizen, '[data-action=text-bar]');
  await citizen.keyboard.press('Enter');
  await citizen.waitForSelector('.text-panel');
  assert.equal(await citizen.locator('.text-bar').isVisible(), false);

  // Letters before any Enter; a correction; the end of the line.
  const before = await heard();
  await clerk.keyboard.type('Buon gironi', { delay: 20 });
  await shows(citizen, typing, ['Buon gironi']);
  for (let i = 0; i < 5; i++) await clerk.keyboard.press('Backspace');
  await shows(citizen, typing, ['Buon g']);
  await clerk.keyboard.type('iorno 😀', { delay: 20 });
  await shows(citizen, typing, ['Buon giorno 😀']);
  assert.deepEqual(await lines(citizen), []);
  assert.deepEqual(await heard(), before, 'letters are not read out');
  await clerk.keyboard.press('Enter');
  await shows(citizen, lines, ['Buon giorno 😀']);
  await shows(citizen, typing, []);
  await shows(clerk, lines, ['Buon giorno 😀']);
  assert.ok(
    (await heard()).slice(before.length).some((s) => s.includes('Buon giorno 😀')),
    'a finished line is',
  );

  // A change in the middle of the line, and one's own echo at once.
  await clerk.keyboard.type('Serve il pasaporto');
  assert.deepEqual(await typing(clerk), ['Serve il pasaporto'], 'the echo waits for nobody');
  for (let i = 0; i < 7; i++) await clerk.keyboard.press('ArrowLeft');
  await clerk.keyboard.type('s');
  await shows(citizen, typing, ['Serve il passaporto']);

  // The citizen answers; both lines grow side by side.
  await citizen.tap('[data-action=text]');
  await citizen.locator('#text-line').pressSequentially('Ce l’ho', { delay: 20 });
  await shows(clerk, typing, ['Ce l’ho', 'Serve il passaporto']);
  await picture(citizen, 'text-320');
  await picture(clerk, 'text-1280');
  await accessible(citizen, 'real-time text on a phone');
  await accessible(clerk, 'real-time text');
  const wide = await citizen.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 320, `no scrolling sideways at 320 px: ${String(wide)}`);

  // Large, over the stage too.
  await clerk.click('[data-action=large]');
  await citizen.tap('[data-action=large]');
  await picture(citizen, 'text-large-320');
  await clerk.keyboard.press('Escape');
  await clerk.waitForSelector('.captions:has-text("Ce l’ho")');
  await picture(clerk, 'text-large-1280');
  await accessible(clerk, 'the large text');

  // With the panel closed a finished line is counted and told.
  await citizen.locator('#text-line').press('Enter');
  await clerk.waitForSelector('[data-command=text] .badge-count:not([hidden])');
  assert.deepEqual((await lines(citizen)).slice(-1), ['Ce l’ho']);

  // A socket that drops changes nothing: text has its own way.
  await dropSockets(citizen);
  await citizen.locator('#text-line').pressSequentially('Anche senza socket');
  await clerk.keyboard.press('Alt+Shift+T');
  await shows(clerk, typing, ['Anche senza socket', 'Serve il passaporto']);

  // A media connection that is made anew in the same seat loses nothing and doubles nothing.
  await citizen.waitForSelector('.banner.warn', { state: 'hidden' });
  await clerk.evaluate(() => {
    for (const socket of (window as unknown as { observed: { sockets: WebSocket[] } }).observed.sockets) socket.close();
  });
  await clerk.waitForSelector('.banner.warn', { state: 'hidden' });
  assert.equal(await peersMade(citizen), 1);

  // Switched off, the open line stands as it was.
  await citizen.tap('[data-action=text]');
  await shows(clerk, lines, ['Buon giorno 😀', 'Ce l’ho', 'Anche senza socket']);
  await shows(clerk, typing, ['Serve il passaporto']);
  assert.equal(await citizen.locator('#text-line').isVisible(), false);

  const real = [...errors, ...clerkErrors].filter((e) => !e.includes('WebSocket connection'));
  assert.deepEqual(real, []);
});
