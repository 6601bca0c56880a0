// What a bad network does: sockets drop, and the call goes on by itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cutSockets,
  desktop,
  dropSockets,
  eventually,
  flows,
  media,
  newPage,
  peersMade,
  phone,
  picture,
  startSite,
} from './harness';
import { randomFile } from './randomfile';

const site = startSite();

void test('a dropped socket keeps the seat, the media, the chat and the file', { timeout: 150_000 }, async () => {
  const { page: citizen, errors } = await newPage(site.browser, phone);
  const { page: clerk } = await newPage(site.browser, desktop);
  await citizen.goto(site.counter.citizenLink);
  await citizen.click('[data-action=enter]');
  await citizen.waitForSelector('[data-view=lobby]');

  // In the lobby: the place is kept, and stepping away survives the drop.
  await citizen.click('.lobby .btn-outline-primary');
  await clerk.goto(site.counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await clerk.waitForSelector('[data-view=call]');
  await clerk.click('[data-command=people]');
  await clerk.waitForSelector('.person.waiting:has-text("si è allontanato")');
  await dropSockets(citizen);
  await clerk.waitForSelector('.person.waiting:has-text("collegamento assente")');
  await clerk.waitForFunction(() => {
    const text = document.querySelector('.person.waiting')?.textContent ?? '';
    return text.includes('si è allontanato') && !text.includes('collegamento assente');
  });
  await citizen.click('.lobby .btn-outline-primary');
  await clerk.click('.person.waiting [data-action=admit]');
  await citizen.waitForSelector('[data-view=call]');
  await flows(citizen, 'the citizen', 1);

  // In the call: cut the socket so that it stays down for a moment.
  await clerk.click('[data-command=chat]');
  await cutSockets(citizen, true);
  await dropSockets(citizen);
  await citizen.waitForSelector('.banner.warn:not([hidden])');
  await clerk.waitForSelector('.tile-away:not([hidden])');
  await picture(clerk, 'reconnecting-desktop');
  await picture(citizen, 'reconnecting-phone');
  await clerk.fill('#chat-text', 'Scrivo mentre la rete manca.');
  await clerk.keyboard.press('Enter');
  const before = await media(citizen);
  await flows(citizen, 'the citizen without a socket', 1);
  await cutSockets(citizen, false);
  await citizen.waitForSelector('.banner.warn', { state: 'hidden' });
  await clerk.waitForFunction(() => document.querySelectorAll('.tile-away:not([hidden])').length === 0);
  await citizen.click('[data-command=chat]');
  await citizen.waitForSelector('.chat-line:has-text("mentre la rete manca")');
  assert.equal(await citizen.locator('.chat-line').count(), 1);
  assert.equal(await peersMade(citizen), 1, 'the same peer connection, no new permission');
  const now = await flows(citizen, 'the citizen', 1);
  assert.ok((now.video[0]?.frames ?? 0) > (before.video[0]?.frames ?? 0));

  // A file that is under way when both sockets drop still arrives.
  await clerk.click('[data-command=files]');
  await clerk.setInputFiles('#file-pick', randomFile('foto.zip', 48 * 1024 * 1024).path);
  await citizen.keyboard.press('Escape'); // on a phone a panel covers the buttons
  await citizen.click('[data-command=files]');
  await citizen.click('[data-action=accept]');
  await citizen.waitForSelector('.file-card[data-status=receiving]');
  await dropSockets(citizen);
  await dropSockets(clerk);
  await citizen.waitForSelector('.file-card[data-status=done]', { timeout: 60_000 });
  await clerk.waitForSelector('.file-card[data-status=delivered]');
  assert.equal(
    await citizen.locator('.file-hash code').textContent(),
    await clerk.locator('.file-hash code').textContent(),
  );

  // The same link elsewhere takes the seat over and says so here.
  const { page: tablet } = await newPage(site.browser, { ...phone, viewport: { width: 820, height: 1180 } });
  await tablet.goto(site.counter.citizenLink);
  await tablet.click('[data-action=enter]');
  await citizen.waitForSelector('[data-notice=replaced]');
  await eventually(
    'the citizen is in the room from the tablet, admitted before or again',
    async () => {
      const waiting = clerk.locator('[data-action=lobby-bar]');
      if (await waiting.isVisible()) await waiting.click();
      return tablet.locator('[data-view=call]').count();
    },
    (n) => n === 1,
  );
  await flows(tablet, 'the tablet', 1);
  await picture(tablet, 'call-2-tablet');
  const real = errors.filter((e) => !e.includes('WebSocket connection'));
  assert.deepEqual(real, []);
});
