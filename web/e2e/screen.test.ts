// A tab that is shared, as the person at the other end gets it beside the call:
// small text that can be read, and the tab's own sound.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { CARD, cardText, readCard, showCard } from './card';
import {
  desktop,
  eventually,
  flows,
  meet,
  newPage,
  picture,
  startBrowser,
  startCounter,
  type Counter,
} from './harness';
import { between, line, received } from './received';

const TONE = 1000; // Hz
const tone = (hertz: number): boolean => Math.abs(hertz - TONE) < 20;

let counter: Counter;
let sharing: Browser; // takes the tab with the card when it is asked what to share
let viewing: Browser;

before(async () => {
  counter = await startCounter();
  sharing = await startBrowser(
    ['--use-fake-device-for-media-stream=fps=10', `--auto-select-tab-capture-source-by-title=${CARD.title}`],
    undefined,
    ['--mute-audio'],
  );
  viewing = await startBrowser();
});

/** sing lets a page sound. */
async function sing(page: Page): Promise<void> {
  await page.evaluate((hertz) => {
    const audio = new AudioContext();
    const pipe = new OscillatorNode(audio, { frequency: hertz });
    pipe.connect(audio.destination);
    pipe.start();
  }, TONE);
}

/** pitches gives the loudest frequency of each sound that the room plays, in Hz; those of silence are left out. */
async function pitches(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const audio = new AudioContext();
    const found: number[] = [];
    for (const element of document.querySelectorAll('audio')) {
      if (!(element.srcObject instanceof MediaStream) || element.paused) continue;
      const meter = new AnalyserNode(audio, { fftSize: 4096 });
      audio.createMediaStreamSource(element.srcObject).connect(meter);
      const levels = new Float32Array(meter.frequencyBinCount);
      await new Promise((resolve) => setTimeout(resolve, 250)); // the meter looks at a stretch of 85 ms
      meter.getFloatFrequencyData(levels);
      const loudest = levels.reduce((best, level, i) => (level > (levels[best] ?? 0) ? i : best), 0);
      if ((levels[loudest] ?? -Infinity) > -50) found.push(Math.round((loudest * audio.sampleRate) / meter.fftSize));
    }
    await audio.close();
    return found;
  });
}

void test('small text in a shared tab can be read, and the tab is heard', { timeout: 240_000 }, async (t) => {
  const large = { width: CARD.width, height: CARD.height };
  const {
    page: clerk,
    context,
    errors,
  } = await newPage(sharing, {
    ...desktop,
    screen: large, // no more is captured of anything than the screen has
    permissions: ['camera', 'microphone'],
  });
  const { page: citizen, errors: others } = await newPage(viewing, { ...desktop, viewport: large });
  const card = await context.newPage();
  const text = cardText();
  await showCard(card, text);
  await sing(card);
  await clerk.bringToFront();
  await meet(counter, citizen, clerk);
  await flows(citizen, 'the citizen', 1);
  const start = await received(citizen);
  await clerk.click('[data-command=screen]');
  await citizen.waitForFunction(() => document.querySelector<HTMLVideoElement>('.screen-tile video')?.videoWidth);

  const all = text.join('');
  const wrong = (lines: readonly string[]): number =>
    Array.from(lines.join('')).filter((letter, i) => letter !== all[i]).length;
  const misread: number[] = [];
  const reading = await eventually(
    'all of the card can be read',
    async () => {
      const seen = await readCard(citizen, '.screen-tile video');
      misread.push(wrong(seen.lines));
      return { ...seen, lines: seen.lines.slice(0, 1), wrong: wrong(seen.lines) };
    },
    (seen) => seen.wrong === 0 && seen.worst > 0.8,
    90_000,
  );
  t.diagnostic(
    `${all.length} letters, misread at each look: ${misread.join(', ')}; likeness ${reading.mean.toFixed(3)}, the worst ${reading.worst.toFixed(3)}`,
  );
  assert.deepEqual([reading.width, reading.height], [CARD.width, CARD.height], 'as large as it is');
  await picture(citizen, 'screen-card');

  const heard = await eventually(
    'the tab is heard beside the voice',
    () => pitches(citizen),
    (found) => found.some(tone),
  );
  t.diagnostic(`heard: ${heard.join(' Hz, ')} Hz`);
  await flows(citizen, 'the citizen', 2);
  t.diagnostic(`the citizen, meanwhile: ${line(between(start, await received(citizen)))}`);

  await clerk.click('[data-action=sharing]');
  await citizen.waitForSelector('.screen-tile', { state: 'detached' });
  await flows(citizen, 'the citizen', 1);
  await eventually(
    'the tab is heard no more when it is over',
    () => pitches(citizen),
    (found) => !found.some(tone),
  );
  assert.deepEqual([...errors, ...others], []);
});
