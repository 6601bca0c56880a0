// What it takes to hand over a file from one browser to another beside their
// call:
//   make bench-files        FILES=5 for more turns
// It prints and judges nothing. Two browsers and a server need more than two
// cores, so each turn also says what the same browsers do without the server,
// beside the same call, a moment before.

import type { Page } from 'playwright-core';
import { since, used, type Used } from './cpu';
import { directly } from './direct';
import { desktop, flows, meet, newPage, startBrowser, startCounter } from './harness';
import { randomFile } from './randomfile';
import { between, line, received } from './received';

const SIZE = 100_000_000; // bytes
const turns = Number(process.env.FILES ?? 3);
const MiB = 1024 * 1024;
const ALONE = 5000; // ms for which the call is looked at alone
const FILLED = 20_000; // ms after which the call's rings are full: 256 packets of the small picture

const counter = await startCounter();
// A browser each, as two people have.
const browsers = [await startBrowser(), await startBrowser()] as const;

const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, ms));

/** inWords is what a MB took, the call's share taken off; call is of as many ms as ALONE. */
function inWords(file: Used, call: Used, ms: number): string {
  const each = [...file].map(
    ([name, all]) => [name, (all - ((call.get(name) ?? 0) * ms) / ALONE) / (SIZE / 1e6)] as const,
  );
  const total = each.reduce((sum, [, of]) => sum + of, 0);
  const cores = [...call.values()].reduce((sum, of) => sum + of, 0) / ALONE;
  const list = each
    .filter(([, of]) => of >= 0.5)
    .sort(([, a], [, b]) => b - a)
    .map(([name, of]) => `${name} ${of.toFixed(1)}`);
  return `${total.toFixed(0)} ms of CPU a MB (${list.join(', ')}), beside a call that takes ${cores.toFixed(2)} cores`;
}

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
  await pause(FILLED);
  for (let turn = 1; turn <= turns; turn++) {
    const alone = await directly(browsers[1], browsers[0], SIZE);
    const file = randomFile(`planimetria-${turn}.pdf`, SIZE);
    await clerk.setInputFiles('#file-pick', file.path);
    const accept = citizen.locator('[data-action=accept]:visible');
    await accept.waitFor();
    const idle = used();
    await pause(ALONE);
    const call = since(idle, used());
    let memory = 0; // the call's at most
    for (let sample = 0; sample < 3; sample++) {
      memory = Math.max(memory, counter.private.live());
      await pause(500);
    }
    const before = { citizen: await received(citizen), clerk: await received(clerk) };
    const start = performance.now();
    const cpu = used();
    await accept.click();
    const card = citizen.locator('.file-card[data-status=done]').nth(turn - 1);
    const arrived = card.waitFor({ timeout: 120_000 }).then(() => performance.now() - start);
    let highest = memory;
    let ms: number | undefined;
    while (ms === undefined) {
      highest = Math.max(highest, counter.private.live());
      ms = await Promise.race([arrived, pause(2000)]); // between two samples
    }
    const took = since(cpu, used());
    const same = (await card.locator('code').textContent()) === file.fingerprint;
    const speed = SIZE / 1000 / ms;
    console.log(
      `turn ${turn}: ${speed.toFixed(1)} MB/s, which is ${(speed / alone).toFixed(2)} of what the browsers do directly (${alone.toFixed(1)} MB/s), fingerprint ${same ? 'the same' : 'DIFFERS'}, ` +
        `server: ${((highest - memory) / MiB).toFixed(1)} MiB more at most`,
    );
    console.log(`  ${inWords(took, call, ms)}`);
    console.log(`  the citizen: ${line(between(before.citizen, await received(citizen)))}`);
    console.log(`  the clerk: ${line(between(before.clerk, await received(clerk)))}`);
  }
} finally {
  for (const browser of browsers) await browser.close();
  await counter.stop();
}
