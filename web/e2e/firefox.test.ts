// Firefox and Chromium in one call; FIREFOX names another browser than Debian's
// (/usr/bin/firefox-esr).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFirefoxPage, startFirefox, width } from './firefox';
import { desktop, eventually, flows, newPage, picture, startBrowser, startCounter } from './harness';
import { between, received } from './received';

void test('a citizen with Firefox and a clerk with Chromium', { timeout: 150_000 }, async () => {
  const counter = await startCounter();
  const chromium = await startBrowser();
  const firefox = await startFirefox();
  try {
    const citizen = await newFirefoxPage(firefox);
    await citizen.goto(counter.citizenLink);
    await citizen.waitForSelector('[data-action=enter]');
    await eventually(
      'the preview',
      () => width(citizen, 'video'),
      (pixels) => pixels > 0,
    );
    await citizen.click('[data-action=enter]');
    await citizen.waitForSelector('[data-view=lobby]');
    const { page: clerk } = await newPage(chromium, desktop);
    await clerk.goto(counter.clerkLink);
    await clerk.click('[data-action=enter]');
    await clerk.click('[data-action=lobby-bar]');
    await citizen.waitForSelector('[data-view=call]');
    await flows(clerk, 'the clerk', 1);

    const unreported = await citizen.evaluate(() => {
      const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
      return (pc?.currentRemoteDescription?.sdp ?? 'm=video')
        .split(/^(?=m=)/m)
        .filter((s) => s.startsWith('m=video'))
        .filter((s) => !s.includes('transport-wide-cc') || !/^a=rtcp-fb:\d+ transport-cc/m.test(s)).length;
    });
    assert.equal(unreported, 0, 'pictures are reported by transport-wide feedback');
    const first = await received(citizen);
    await eventually(
      'Firefox decodes',
      async () => between(first, await received(citizen)),
      (since) => since.frames > 10 && since.energy > 0,
    );
    await clerk.click('[data-command=screen]');
    await eventually(
      'the screen in Firefox',
      () => width(citizen, '.screen-tile video'),
      (pixels) => pixels > 640,
    );
    await citizen.screenshot({ path: 'web/e2e/out/firefox.png' });
    await picture(clerk, 'with-firefox');
    assert.equal(await citizen.$$eval('.tile', (tiles) => tiles.length), 3);
  } finally {
    await firefox.close();
    await chromium.close();
    await counter.stop();
  }
});
