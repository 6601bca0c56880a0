// What the host can do with people who wait or are here, what stops at a limit,
// and the room walked by keyboard, on a small screen and in English. The limits
// are small, so that two people fill the room and a megabyte is too much.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import en from '../locales/room.en.json';
import it from '../locales/room.it.json';
import { accessible, desktop, flows, newPage, phone, picture, startSite } from './harness';
import { invite } from './invite';

const FILE_LIMIT = 1_000_000;
const site = startSite({ SPORTELLO_ROOM_LIMIT: '2', SPORTELLO_FILE_LIMIT: String(FILE_LIMIT) });
const small = { ...phone, viewport: { width: 320, height: 640 } };

async function open(link: string, options: typeof desktop): Promise<{ page: Page; errors: string[] }> {
  const { page, errors } = await newPage(site.browser, options);
  await page.goto(link);
  await page.waitForSelector('[data-view=preview], [data-notice]');
  return { page, errors };
}

async function enter(link: string, options: typeof desktop, view: 'lobby' | 'call'): Promise<Page> {
  const { page } = await open(link, options);
  await page.click('[data-action=enter]');
  await page.waitForSelector(`[data-view=${view}]`);
  return page;
}

async function people(clerk: Page): Promise<void> {
  const button = clerk.locator('[data-command=people]');
  if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
}

/** tabTo goes with the Tab key alone to what it looks for. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the Tab key does not lead to ${selector}`);
}

async function narrow(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok((wide[0] ?? 0) <= (wide[1] ?? 0), `${what} does not scroll sideways: ${wide.join(' > ')}`);
}

async function insidePanel(clerk: Page): Promise<void> {
  await clerk.waitForFunction(() => document.activeElement?.closest('.panel'));
}

/** cameraSaid gives a way to ask what the page has told the server of its camera from now on. */
async function cameraSaid(page: Page): Promise<() => Promise<boolean[]>> {
  await page.evaluate(() => {
    const said: boolean[] = [];
    Object.assign(window, { said });
    const send = Reflect.get(WebSocket.prototype, 'send');
    WebSocket.prototype.send = function (data) {
      const message = JSON.parse(typeof data === 'string' ? data : '{}') as {
        type?: string;
        source?: string;
        on?: boolean;
      };
      if (message.type === 'publish' && message.source === 'camera') said.push(message.on === true);
      send.call(this, data);
    };
  });
  return () => page.evaluate(() => Reflect.get(window, 'said') as boolean[]);
}

interface Slow {
  begun: number;
  ended: number;
}

/** inHaste presses again before the browser, a slow one, has done the first: each press counts, and the last one stands. */
async function inHaste(citizen: Page, clerk: Page): Promise<void> {
  const press = (): Promise<void> => citizen.keyboard.press('Alt+Shift+KeyV');
  const sees = (camera: 'on' | 'off'): Promise<unknown> =>
    clerk.waitForSelector(`.tile:not(.mine)[data-camera=${camera}]`);
  const said = await cameraSaid(citizen);
  await citizen.evaluate(() => {
    const slow: Slow = { begun: 0, ended: 0 };
    Object.assign(window, { slow });
    const set = Reflect.get(RTCRtpSender.prototype, 'setParameters');
    RTCRtpSender.prototype.setParameters = async function (parameters) {
      slow.begun++;
      await new Promise((resolve) => setTimeout(resolve, 500));
      await set.call(this, parameters).finally(() => slow.ended++);
    };
  });
  const slow = (): Promise<Slow> => citizen.evaluate(() => Reflect.get(window, 'slow') as Slow);
  const settled = (): Promise<unknown> =>
    citizen.waitForFunction(() => {
      const { begun, ended } = Reflect.get(window, 'slow') as Slow;
      return begun === ended;
    });
  await press();
  await sees('off');
  await press(); // before its own browser is done with the first
  await sees('on');
  await settled();
  await press();
  await sees('off');
  await settled();
  const { begun } = await slow();
  await press();
  await citizen.waitForFunction((before) => (Reflect.get(window, 'slow') as Slow).begun > before, begun);
  await press();
  await settled();
  assert.deepEqual(await said(), [false, true, false, false], 'nobody is told of a camera that is off again');
  await press();
  await sees('on');
  await flows(clerk, 'the clerk', 1);
}

void test('by keyboard from the preview into the call, with a notice on the way', { timeout: 120_000 }, async () => {
  const clerk = await enter(site.counter.clerkLink, desktop, 'call');
  const { page: citizen, errors } = await open(site.counter.citizenLink, small);
  await citizen.waitForFunction(() => document.querySelector('video')?.videoWidth);
  await tabTo(citizen, '[data-action=enter]');
  await citizen.keyboard.press('Enter');
  await citizen.waitForSelector('[data-view=lobby]');
  await citizen.waitForFunction(() => document.activeElement?.matches('h1'));

  // The host writes; the words are seen, and spoken once.
  await people(clerk);
  const waiting = clerk.locator('.person.waiting');
  await waiting.locator('[data-action=write]').click();
  await clerk.fill('dialog textarea', 'Cinque minuti, per favore.');
  await clerk.click('dialog [value=yes]');
  const notice = citizen.locator('.lobby-message', { hasText: 'Cinque minuti, per favore.' });
  await notice.waitFor();
  assert.equal(
    await citizen.evaluate(
      () =>
        [...document.querySelectorAll('[role=log], [role=status], [role=alert], [aria-live]')].filter((region) =>
          region.textContent.includes('Cinque minuti, per favore.'),
        ).length,
    ),
    1,
    'one live region speaks the notice',
  );
  await narrow(citizen, 'the lobby');
  await picture(citizen, 'host-notice-320');

  await tabTo(citizen, '.lobby button[aria-pressed]');
  await citizen.keyboard.press('Enter');
  await clerk.waitForSelector('.person.waiting:has-text("si è allontanato")');
  await citizen.keyboard.press('Enter');
  await waiting.locator('[data-action=admit]').click();
  await insidePanel(clerk); // the row with the button is gone, the place is not
  await citizen.waitForSelector('[data-view=call]');
  await flows(citizen, 'the citizen', 1);
  await narrow(citizen, 'the call');
  await picture(citizen, 'host-call-320');
  await accessible(citizen, 'the call at 320 px');

  // Microphone and camera by their shortcuts, while writing too.
  await tabTo(citizen, '[data-command=chat]');
  await citizen.keyboard.press('Enter');
  await citizen.waitForFunction(() => document.activeElement?.id === 'chat-text');
  await citizen.keyboard.press('Alt+Shift+KeyM');
  await clerk.waitForSelector('.tile:not(.mine) .tile-muted:not([hidden])');
  await citizen.keyboard.press('Alt+Shift+KeyV');
  await clerk.waitForSelector('.tile:not(.mine)[data-camera=off]');
  assert.equal(await citizen.inputValue('#chat-text'), '', 'a shortcut writes nothing');
  await citizen.keyboard.press('Alt+Shift+KeyM');
  await citizen.keyboard.press('Alt+Shift+KeyV');
  await clerk.waitForSelector('.tile:not(.mine)[data-camera=on]');
  await flows(clerk, 'the clerk', 1);
  await inHaste(citizen, clerk);
  await citizen.keyboard.press('Escape');
  await citizen.waitForFunction(() => document.activeElement?.matches('[data-command=chat]'));

  // A file above the limit is refused in the page; one at the limit is offered.
  await clerk.click('[data-command=files]');
  const file = (size: number): { name: string; mimeType: string; buffer: Buffer } => ({
    name: `atto-${size}.pdf`,
    mimeType: 'application/pdf',
    buffer: randomBytes(size),
  });
  await clerk.setInputFiles('#file-pick', file(FILE_LIMIT + 1));
  const error = clerk.locator('.panel-error[role=alert]');
  await error.filter({ hasText: /atto-1000001\.pdf.*troppo grande/ }).waitFor();
  assert.equal(await clerk.locator('.file-card').count(), 0);
  await picture(clerk, 'host-file-too-large');
  await clerk.setInputFiles('#file-pick', file(FILE_LIMIT));
  await clerk.locator('.file-card').waitFor();
  assert.equal(await error.textContent(), '');
  await citizen.keyboard.press('Alt+Shift+KeyF');
  await citizen.locator('.file-card').waitFor();
  assert.deepEqual(await citizen.locator('.file-name').allTextContents(), ['atto-1000000.pdf']);

  // The host takes the citizen out, who is told so.
  await people(clerk);
  await clerk.click('[data-action=remove]');
  await clerk.click('dialog [value=yes]');
  const end = citizen.locator('[data-notice=removed]');
  await end.waitFor();
  assert.ok((await end.textContent())?.includes(it['room.end.removed.body']));
  await insidePanel(clerk);
  await picture(citizen, 'host-removed-320');
  await accessible(citizen, 'the end after a removal');
  assert.deepEqual(errors, []);
  await citizen.context().close();
  await clerk.context().close();
});

void test(
  'a held key is one press, and what is picked after the call is captured for nobody',
  { timeout: 90_000 },
  async () => {
    const clerk = await enter(site.counter.clerkLink, small, 'call');
    const citizen = await enter(site.counter.citizenLink, desktop, 'lobby');
    await clerk.click('[data-action=lobby-bar]');
    await citizen.waitForSelector('[data-view=call]');
    await flows(clerk, 'the clerk', 1);

    const said = await cameraSaid(citizen);
    for (const key of ['Alt', 'Shift', 'KeyV', 'KeyV']) await citizen.keyboard.down(key); // the last one repeats
    for (const key of ['KeyV', 'Shift', 'Alt']) await citizen.keyboard.up(key);
    await clerk.waitForSelector('.tile:not(.mine)[data-camera=off]');
    await citizen.keyboard.press('Alt+Shift+KeyV');
    await clerk.waitForSelector('.tile:not(.mine)[data-camera=on]');
    assert.deepEqual(await said(), [false, true]);

    // The browser's question stays open, over a second press and over the end of the call.
    await citizen.evaluate(() => {
      const questions: ((picked: MediaStream) => void)[] = [];
      Object.assign(window, { questions });
      navigator.mediaDevices.getDisplayMedia = () => new Promise((resolve) => questions.push(resolve));
    });
    for (let i = 0; i < 2; i++) await citizen.click('[data-command=screen]');
    await clerk.click('[data-command=leave]');
    await clerk.click('dialog [value=yes]');
    await citizen.waitForSelector('[data-notice=ended]');
    const asked = await citizen.evaluate(() => {
      const questions = Reflect.get(window, 'questions') as ((picked: MediaStream) => void)[];
      const picked = document.createElement('canvas').captureStream();
      Object.assign(window, { picked });
      for (const answer of questions) answer(picked);
      return questions.length;
    });
    assert.equal(asked, 1, 'one question at a time');
    await citizen.waitForFunction(() => {
      const picked = Reflect.get(window, 'picked') as MediaStream;
      return picked.getTracks().every((track) => track.readyState === 'ended');
    });
    await clerk.waitForURL('**/it/staff/**');
    await citizen.context().close();
    await clerk.context().close();
  },
);

void test('who waits can be refused, with words', { timeout: 60_000 }, async () => {
  const clerk = await enter(site.counter.clerkLink, desktop, 'call');
  const citizen = await enter(site.counter.citizenLink, small, 'lobby');
  await people(clerk);
  await clerk.click('.person.waiting [data-action=refuse]');
  await clerk.fill('dialog textarea', 'Manca il modulo firmato.');
  await picture(clerk, 'host-refuse');
  await clerk.click('dialog [value=yes]');
  const end = citizen.locator('[data-notice=refused]');
  await end.waitFor();
  const words = (await end.textContent()) ?? '';
  assert.ok(words.includes(it['room.end.refused.body']) && words.includes('Manca il modulo firmato.'), words);
  await insidePanel(clerk);
  await narrow(citizen, 'the end');
  await picture(citizen, 'host-refused-320');
  await accessible(citizen, 'the end after a refusal');
  await citizen.context().close();
  await clerk.context().close();
});

void test('a full room keeps the next one waiting, and a late link says so', { timeout: 90_000 }, async () => {
  const clerk = await enter(site.counter.clerkLink, small, 'call');
  const citizen = await enter(site.counter.citizenLink, small, 'lobby');
  await clerk.locator('[data-action=lobby-bar]').waitFor();
  assert.equal(await clerk.locator('.toast').count(), 0, 'the banner says who waits, and nothing says it again');
  await clerk.click('[data-action=lobby-bar]');
  await citizen.waitForSelector('[data-view=call]');

  const guest = await enter(invite(site.counter, 'Omar Haddad', '-1 hour', '1 hour'), small, 'lobby');
  await people(clerk);
  await clerk.click('.person.waiting [data-action=admit]');
  const told = clerk.locator('.toast.urgent', { hasText: 'La stanza è piena: ci stanno 2 persone.' });
  await told.waitFor();
  const onTop = await told.evaluate((toast: HTMLElement) => {
    toast.style.pointerEvents = 'auto'; // so that the page can be asked what lies there
    const box = toast.getBoundingClientRect();
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === toast;
  });
  assert.ok(onTop, 'the answer is not behind the panel');
  await picture(clerk, 'host-full');
  await picture(guest, 'host-full-guest-320');
  assert.equal(await guest.locator('[data-view=lobby]').count(), 1);
  await told.waitFor({ state: 'detached' });
  await clerk.keyboard.press('Escape');
  assert.ok(await clerk.locator('[data-action=lobby-bar]').isVisible(), 'the guest can be let in later');

  // The citizen leaves by keyboard, and the place is the guest's.
  await tabTo(citizen, '[data-command=leave]');
  await citizen.keyboard.press('Enter');
  await tabTo(citizen, 'dialog [value=yes]');
  await citizen.keyboard.press('Enter');
  await citizen.waitForSelector('[data-notice=left]');
  await clerk.waitForFunction(() => document.querySelectorAll('.tile:not(.mine)').length === 0);
  await clerk.click('[data-action=lobby-bar]');
  await guest.waitForSelector('[data-view=call]');
  await flows(guest, 'the guest', 1);

  const { page: late } = await open(invite(site.counter, 'Lea Conti', '-3 hours', '-2 hours'), small);
  await late.click('[data-action=enter]');
  const notice = late.locator('[data-notice=too-late]');
  await notice.waitFor();
  assert.ok((await notice.textContent())?.includes(it['room.gate.too-late.body']));
  await picture(late, 'host-late-320');

  await clerk.click('[data-command=leave]');
  await clerk.click('dialog [value=yes]');
  await guest.waitForSelector('[data-notice=ended]');
  await clerk.waitForURL('**/it/staff/**');
  for (const page of [late, guest, citizen, clerk]) await page.context().close();
});

const pieces = (catalogue: Record<string, string | object>): string[] =>
  Object.values(catalogue)
    .flatMap((entry) => (typeof entry === 'string' ? [entry] : (Object.values(entry) as string[])))
    .flatMap((entry) => entry.split(/\{\{.*?\}\}/))
    .map((piece) => piece.trim())
    .filter((piece) => /\p{L}{2}/u.test(piece));

/** italian lists what a person reads or hears on the page that is the Italian catalogue's. */
async function italian(page: Page): Promise<string[]> {
  const texts = await page.evaluate(() => {
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>('main *, [role=status], [role=alert]')) {
      for (const name of ['aria-label', 'title', 'placeholder']) found.push(element.getAttribute(name) ?? '');
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.textContent ?? '');
    }
    return found.map((text) => text.trim()).filter((text) => text !== '');
  });
  assert.ok(texts.length > 2, 'there is something to read');
  const english = new Set(pieces(en));
  const foreign = pieces(it).filter((piece) => !english.has(piece));
  return texts.filter((text) => foreign.some((piece) => (piece.length < 12 ? text === piece : text.includes(piece))));
}

void test('the English room is English throughout', { timeout: 90_000 }, async () => {
  const inEnglish = (link: string): string => link.replace('/it/', '/en/');
  const clerk = await enter(inEnglish(site.counter.clerkLink), { ...desktop, locale: 'en-GB' }, 'call');
  const { page: citizen } = await open(inEnglish(site.counter.citizenLink), { ...small, locale: 'en-GB' });
  assert.deepEqual(await italian(citizen), [], 'the preview');
  await citizen.click('[data-action=enter]');
  await citizen.waitForSelector('[data-view=lobby]');
  await citizen.waitForFunction(() => document.querySelector('.lobby-place')?.textContent);
  assert.deepEqual(await italian(citizen), [], 'the lobby');
  assert.match((await citizen.textContent('.lead-room')) ?? '', /Change of residence or address/);
  await people(clerk);
  await clerk.waitForSelector('.person.waiting');
  assert.deepEqual(await italian(clerk), [], 'the people, with one who waits');
  await clerk.click('.person.waiting [data-action=admit]');
  await citizen.waitForSelector('[data-view=call]');
  await flows(citizen, 'the citizen', 1);
  await citizen.waitForSelector('h1:has-text("Change of residence or address")');
  await picture(citizen, 'host-english-320');
  for (const panel of ['chat', 'files', 'people']) {
    await clerk.click(`[data-command=${panel}]`);
    assert.deepEqual(await italian(clerk), [], panel);
  }
  await picture(clerk, 'host-english');
  await clerk.click('[data-command=leave]');
  await clerk.click('dialog [value=yes]');
  await citizen.waitForSelector('[data-notice=ended]');
  assert.deepEqual(await italian(citizen), [], 'the end');
  await clerk.waitForURL('**/en/staff/**');
  await citizen.context().close();
  await clerk.context().close();
});
