// Firefox and Chromium in one call; FIREFOX names another browser than Debian's
// (/usr/bin/firefox-esr). Firefox is driven over WebDriver BiDi.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { launch } from 'puppeteer-core';
import { desktop, eventually, flows, newPage, picture, startBrowser, startCounter } from './harness';

const executable = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

interface Decoded {
  state: string | undefined;
  frames: number;
  energy: number;
  packets: number;
}

void test(
  'a citizen with Firefox and a clerk with Chromium',
  { timeout: 150_000, skip: !existsSync(executable) && 'FIREFOX names no browser' },
  async () => {
    const counter = await startCounter();
    const chromium = await startBrowser();
    const firefox = await launch({
      browser: 'firefox',
      executablePath: executable,
      headless: true,
      // Not setViewport: it takes a command that Firefox ESR 140 does not know.
      defaultViewport: null,
      args: ['--width=900', '--height=700'],
      extraPrefsFirefox: {
        'media.navigator.streams.fake': true,
        'media.navigator.permission.disabled': true,
        'media.peerconnection.ice.loopback': true,
        'media.autoplay.default': 0,
      },
    });
    try {
      const citizen = await firefox.newPage();
      await citizen.evaluateOnNewDocument(() => {
        const made: RTCPeerConnection[] = [];
        Object.assign(window, { made });
        window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
          construct(target, args: ConstructorParameters<typeof RTCPeerConnection>) {
            const pc = new target(...args);
            made.push(pc);
            return pc;
          },
        });
      });
      await citizen.goto(counter.citizenLink);
      await citizen.waitForSelector('[data-action=enter]');
      // Not waitForFunction: the page's Content-Security-Policy refuses what it evaluates.
      const width = (picture: string): Promise<number> =>
        citizen.evaluate((at) => document.querySelector<HTMLVideoElement>(at)?.videoWidth ?? 0, picture);
      await eventually(
        'the preview',
        () => width('video'),
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

      const decoded = async (): Promise<Decoded> =>
        citizen.evaluate(async () => {
          const pc = (window as unknown as { made: RTCPeerConnection[] }).made.at(-1);
          const sum = { state: pc?.connectionState, frames: 0, energy: 0, packets: 0 };
          if (!pc) return sum;
          (await pc.getStats()).forEach((raw: RTCStats) => {
            if (raw.type !== 'inbound-rtp') return;
            const s = raw as RTCInboundRtpStreamStats;
            sum.packets += s.packetsReceived ?? 0;
            sum.frames += s.framesDecoded ?? 0;
            sum.energy += s.totalAudioEnergy ?? 0;
          });
          return sum;
        });
      const unreported = await citizen.evaluate(() => {
        const pc = (window as unknown as { made: RTCPeerConnection[] }).made.at(-1);
        return (pc?.currentRemoteDescription?.sdp ?? 'm=video')
          .split(/^(?=m=)/m)
          .filter((s) => s.startsWith('m=video'))
          .filter((s) => !s.includes('transport-wide-cc') || !/^a=rtcp-fb:\d+ transport-cc/m.test(s)).length;
      });
      assert.equal(unreported, 0, 'pictures are reported by transport-wide feedback');
      const first = await decoded();
      await eventually(
        'Firefox decodes',
        decoded,
        (now) => now.frames > first.frames + 10 && now.energy > first.energy,
      );
      await clerk.click('[data-command=screen]');
      await eventually(
        'the screen in Firefox',
        () => width('.screen-tile video'),
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
  },
);
