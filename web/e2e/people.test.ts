// Two, three and five people in one room, with Chromium and Firefox mixed:
// everybody sees and hears everybody, by what the browsers decoded.

import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { newFirefoxPage, startFirefox, width, type FirefoxPage } from './firefox';
import { desktop, eventually, newPage, picture, startBrowser, startCounter, type Counter } from './harness';
import { invite } from './invite';
import { between, line, received, type Asked, type Received } from './received';

/** Windows of this size are drawn five at a time, without a graphics card. */
const SMALL = { width: 540, height: 460 };

/** Firefox's camera takes its frame rate from here alone, not from what a page asks, and its window needs no sixty drawings a second. */
const FRUGAL = { size: SMALL, preferences: { 'media.navigator.video.default_fps': 2, 'layout.frame_rate': 5 } };

let counter: Counter;
let chromium: Browser;
let firefoxes: Firefox[]; // one each: the page in a window's hidden tab asks for no pictures

before(async () => {
  counter = await startCounter();
  chromium = await startBrowser();
  firefoxes = [await startFirefox(FRUGAL), await startFirefox(FRUGAL)];
});

after(async () => {
  for (const firefox of firefoxes) await firefox.close();
  await chromium.close();
  await counter.stop();
});

/** modest gives the page a camera that lets five people be encoded and twenty pictures decoded on two cores. */
function modest(): void {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) =>
    real(wanted?.video ? { ...wanted, video: { width: 320, height: 180, frameRate: 2 } } : wanted);
}

interface Person {
  readonly name: string;
  readonly page: Asked;
}

async function withChromium(name: string, link: string): Promise<Person & { page: Page }> {
  const { page } = await newPage(chromium, { ...desktop, viewport: SMALL });
  await page.addInitScript(modest);
  await page.goto(link);
  await page.waitForSelector('[data-view=preview]');
  await page.waitForFunction(() => document.querySelector('video')?.videoWidth);
  await page.click('[data-action=enter]');
  return { name: `${name} (Chromium)`, page };
}

async function withFirefox(n: number, name: string, link: string): Promise<Person & { page: FirefoxPage }> {
  const firefox = firefoxes[n];
  assert.ok(firefox);
  const page = await newFirefoxPage(firefox, modest);
  await page.goto(link);
  await page.waitForSelector('[data-action=enter]');
  await eventually(
    `the preview of ${name}`,
    () => width(page, 'video'),
    (pixels) => pixels > 0,
  );
  await page.click('[data-action=enter]');
  return { name: `${name} (Firefox)`, page };
}

async function admit(host: Page, { name, page }: Person): Promise<void> {
  await host.click('[data-action=lobby-bar]');
  await eventually(
    `${name} is in the call`,
    () => page.evaluate(() => Promise.resolve(document.querySelector('[data-view=call]') !== null)),
    (inside) => inside,
  );
}

/** news tells of how many pictures and voices more has come since: what is not played does not grow. */
function news(before: Received, now: Received, frames: number): { pictures: number; voices: number } {
  const since = <T extends { mid: string }>(x: T, old: T[], of: (x: T) => number): number =>
    of(x) - (old.filter((y) => y.mid === x.mid).map(of)[0] ?? 0);
  // The end of a shared tab's sound is played after its last packet, and is no voice.
  const heard = (s: Received['sound'][number]): boolean =>
    since(s, before.sound, (x) => x.energy) > 0 && since(s, before.sound, (x) => x.packets) > 10;
  return {
    pictures: now.pictures.filter((p) => since(p, before.pictures, (x) => x.frames) > frames).length,
    voices: now.sound.filter(heard).length,
  };
}

/** paused counts the pictures that the counter holds back for want of room on the line, for the message where they do not come. */
function paused(page: Asked): Promise<number> {
  return page.evaluate(() => Promise.resolve(document.querySelectorAll('.tile-paused:not([hidden])').length));
}

/** everybody waits until each has got so many frames from each of the others, and heard each; and counts. */
async function everybody(t: TestContext, people: readonly Person[], frames: number): Promise<void> {
  const others = people.length - 1;
  await Promise.all(
    people.map(async ({ name, page }) => {
      const start = await received(page);
      const { now } = await eventually(
        `${name} sees and hears ${others}`,
        async () => {
          const now = await received(page);
          return { now, paused: await paused(page), ...news(start, now, frames) };
        },
        ({ pictures, voices }) => pictures === others && voices === others,
        180_000,
      );
      const got = between(start, now);
      t.diagnostic(`${people.length} people, ${name}: ${line(got)}`);
      assert.ok(got.soundLost <= 0.05 * got.soundPackets, `${name}: voices are whole`);
      assert.ok(got.freezes <= 0.2 * got.frames, `${name}: pictures move`);
    }),
  );
}

void test('two, three and five people with Chromium and Firefox', { timeout: 600_000 }, async (t) => {
  const citizen = await withFirefox(0, 'the citizen', counter.citizenLink);
  await citizen.page.waitForSelector('[data-view=lobby]');
  const clerk = await withChromium('the clerk', counter.clerkLink);
  await admit(clerk.page, citizen);
  await everybody(t, [clerk, citizen], 25);

  await clerk.page.click('[data-command=screen]');
  await eventually(
    'the screen in Firefox',
    () => width(citizen.page, '.screen-tile video'),
    (pixels) => pixels === SMALL.width,
  );
  await citizen.page.screenshot({ path: 'web/e2e/out/people-2-firefox.png' });
  await clerk.page.click('[data-action=sharing]');
  await eventually(
    'the screen gone in Firefox',
    () => width(citizen.page, '.screen-tile video'),
    (pixels) => pixels === 0,
  );

  const interpreter = await withChromium('the interpreter', invite(counter, 'Omar Haddad'));
  await admit(clerk.page, interpreter);
  await everybody(t, [clerk, citizen, interpreter], 25);

  const sister = await withFirefox(1, 'the sister', invite(counter, 'Lea Conti'));
  await admit(clerk.page, sister);
  const colleague = await withChromium('the colleague', invite(counter, 'Piero Neri'));
  await admit(clerk.page, colleague);
  await everybody(t, [clerk, citizen, interpreter, sister, colleague], 15);
  await picture(clerk.page, 'people-5');
  await citizen.page.screenshot({ path: 'web/e2e/out/people-5-firefox.png' });
});
