// Firefox, driven over WebDriver BiDi.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { launch, type Browser, type Page } from 'puppeteer-core';
import { observe } from './harness';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

export type FirefoxPage = Page;

export async function startFirefox(size = { width: 900, height: 700 }): Promise<Browser> {
  assert.ok(existsSync(FIREFOX), `there is no ${FIREFOX}: scripts/setup test installs it, FIREFOX names another`);
  return launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    // Not setViewport: it takes a command that Firefox ESR 140 does not know.
    defaultViewport: null,
    args: [`--width=${size.width}`, `--height=${size.height}`],
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.peerconnection.ice.loopback': true,
      'media.autoplay.default': 0,
    },
  });
}

/** newFirefoxPage opens a page in a context of its own; before is what runs in it before its own scripts. */
export async function newFirefoxPage(browser: Browser, ...before: (() => void)[]): Promise<Page> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  for (const script of [observe, ...before]) await page.evaluateOnNewDocument(script);
  return page;
}
