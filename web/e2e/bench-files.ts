// What it takes to hand over a file from one browser to another beside their
// call:
//   make bench-files        FILES=5 for more turns
// It prints and judges nothing. Two browsers and a server need more than two
// cores, so each turn also says what the same browsers do without the server,
// beside the same call, a moment before.

import type { Page } from 'playwright-core';
import { directly } from './direct';
import { desktop, flows, meet, newPage, startBrowser, startCounter } from './harness';
import { randomFile } from './randomfile';
import { between, line, received } from './received';

const SIZE = 100_000_000; // bytes
const turns = Number(process.env.FILES ?? 3);
const MiB = 1024 * 1024;

const counter = await startCounter();
// A browser each, as two people have.
const browsers = [await startBrowser(), await startBrowser()] as const;

async function panel(page: Page): Promise<void> {
  await page.click('[data-command=files]');
  await page.waitForSelector('#file-pick', { state: 'attached' });
}

try {
  const { page: citizen } = await newPage(browsers[0], desktop);
  const { page: clerk } = await newPage(browsers[1], desktop);
  await meet(counter, citizen, clerk);
  await flows(citizen, 'the citizen', 1);
  await flows(clerk, 'the clerk', 1);
  await panel(clerk);
  await panel(citizen);
  for (let turn = 1; turn <= turns; turn++) {
    const alone = await directly(browsers[1], browsers[0], SIZE);
    const file = randomFile(`planimetria-${turn}.pdf`, SIZE);
    await clerk.setInputFiles('#file-pick', file.path);
    const accept = citizen.locator('[data-action=accept]:visible');
    await accept.waitFor();
    const memory = counter.private.live();
    const cpu = counter.private.metrics().get('process_cpu_seconds_total') ?? NaN;
    const before = { citizen: await received(citizen), clerk: await received(clerk) };
    const start = performance.now();
    await accept.click();
    const card = citizen.locator('.file-card[data-status=done]').nth(turn - 1);
    const arrived = card.waitFor({ timeout: 120_000 }).then(() => performance.now() - start);
    let highest = memory;
    let ms: number | undefined;
    while (ms === undefined) {
      highest = Math.max(highest, counter.private.live());
      const pause = new Promise<undefined>((resolve) => setTimeout(resolve, 2000)); // between two samples
      ms = await Promise.race([arrived, pause]);
    }
    const same = (await card.locator('code').textContent()) === file.sha256;
    const used = (counter.private.metrics().get('process_cpu_seconds_total') ?? NaN) - cpu;
    const speed = SIZE / 1000 / ms;
    console.log(
      `turn ${turn}: ${speed.toFixed(1)} MB/s, which is ${(speed / alone).toFixed(2)} of what the browsers do directly (${alone.toFixed(1)} MB/s), SHA-256 ${same ? 'the same' : 'DIFFERS'}, ` +
        `server: ${((highest - memory) / MiB).toFixed(1)} MiB more at most, ${((1000 * used) / (SIZE / 1e6)).toFixed(0)} ms of CPU a MB, the call's included`,
    );
    console.log(`  the citizen: ${line(between(before.citizen, await received(citizen)))}`);
    console.log(`  the clerk: ${line(between(before.clerk, await received(clerk)))}`);
  }
} finally {
  for (const browser of browsers) await browser.close();
  await counter.stop();
}
