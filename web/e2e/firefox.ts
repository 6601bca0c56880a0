// Firefox, driven over WebDriver BiDi.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { launch, type Browser, type Page } from 'puppeteer-core';
import { freePort, observe } from './harness';
import { lives } from './lifetime';
import type { Network } from './network';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

export type FirefoxPage = Page;

interface Options {
  readonly size?: { readonly width: number; readonly height: number };
  /** network is where it runs, away from the test; else beside it. */
  readonly network?: Network;
  /** preferences as about:config shows them. */
  readonly preferences?: Record<string, number>;
}

/** startFirefox starts it headless, with a camera and a microphone that are made up. */
export async function startFirefox(options: Options = {}): Promise<Browser> {
  const { size = { width: 900, height: 700 }, network, preferences } = options;
  assert.ok(existsSync(FIREFOX), `there is no ${FIREFOX}: scripts/setup test installs it, FIREFOX names another`);
  const debuggingPort = network ? await freePort() : 0; // 0 is any
  await network?.bridge(network.away, debuggingPort);
  const browser = await launch({
    browser: 'firefox',
    executablePath: network ? network.wrap(network.away, FIREFOX) : FIREFOX,
    debuggingPort,
    acceptInsecureCerts: true,
    headless: true,
    // Not setViewport: it takes a command that Firefox ESR 140 does not know.
    defaultViewport: null,
    args: [`--width=${size.width}`, `--height=${size.height}`],
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.autoplay.default': 0,
      ...preferences,
    },
  });
  lives(
    'a Firefox',
    () => (browser.connected ? browser.close() : undefined),
    () => browser.process()?.kill('SIGKILL'),
  );
  return browser;
}

/** newFirefoxPage opens a page in a context of its own; before is what runs in it before its own scripts. */
export async function newFirefoxPage(browser: Browser, ...before: (() => void)[]): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  for (const script of [observe, ...before]) await page.evaluateOnNewDocument(script);
  return page;
}

/** width of a video; not by waitForFunction, because the page's Content-Security-Policy refuses what it evaluates. */
export function width(page: Page, video: string): Promise<number> {
  return page.evaluate((at) => document.querySelector<HTMLVideoElement>(at)?.videoWidth ?? 0, video);
}
