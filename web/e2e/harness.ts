// What the stories share: a counter of its own (built, started on free ports,
// with private databases), Chromium, and ways to ask a page about its media.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before } from 'node:test';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { lives } from './lifetime';
import { PrivatePort } from './metrics';
import { within } from './within';

export const OUT = path.resolve('web/e2e/out');
const START_WITHIN = 120_000;

/**
 * A Tuesday at ten, ahead of us (Redis forgets by its own clock what is over) and
 * without holidays around: the moment all counters of the tests begin at, so that
 * offices are open, the day is long, and no test depends on the hour at which it
 * runs. E2E_NOW gives another one, to see what depends on it:
 *   E2E_NOW=2026-12-24T23:50:00+01:00 node web/e2e/run.mjs browser pages
 */
export const WORKDAY = ((): string => {
  const march = new Date(Date.UTC(new Date().getUTCFullYear() + 1, 2, 1));
  march.setUTCDate(1 + ((2 - march.getUTCDay() + 7) % 7));
  return `${march.toISOString().slice(0, 10)}T10:00:00+01:00`;
})();

export interface Counter {
  readonly url: string;
  /** The ready-made appointment: its two links. */
  readonly citizenLink: string;
  readonly clerkLink: string;
  readonly log: () => string;
  /** Runs SQL in the counter's own database, for what no page can do: move time. Its now() is the counter's. */
  readonly sql: (statement: string) => void;
  readonly private: PrivatePort;
  /** Ends the counter before the file's end; fails where the control plane tried to send with the media's keys or a page lacked a text, as its end with the file does. */
  stop(): Promise<void>;
}

/**
 * startCounter runs the binary (E2E_BINARY, which run.mjs has built, else one
 * built here) in development mode, in a folder of its own; before are words to
 * put before the command.
 */
export async function startCounter(
  settings: Record<string, string> = {},
  before: readonly string[] = [],
): Promise<Counter> {
  const shift = Date.parse(process.env.E2E_NOW ?? WORKDAY) - Date.now();
  const folder = mkdtempSync(path.join(tmpdir(), 'sportello-e2e-'));
  const binary = process.env.E2E_BINARY ?? build(folder);
  const [port, privatePort] = [await freePort(), await freePort()];
  let log = '';
  const now = (): string => new Date(Date.now() + shift).toISOString();
  const command: string[] = [...before, binary, 'dev', '-dir', path.join(folder, 'data'), '-now', now()];
  const server = spawn(command[0] ?? binary, command.slice(1), {
    env: {
      ...process.env,
      SPORTELLO_ADDR: `127.0.0.1:${port}`,
      SPORTELLO_PRIVATE_ADDR: `:${privatePort}`,
      SPORTELLO_MEDIA_PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const links = new Promise<[string, string]>((resolve, reject) => {
    const read = (data: Buffer): void => {
      log += data.toString();
      const found = [...log.matchAll(/https?:\/\/\S+\/it\/stanza#\S+/g)].map((m) => m[0]);
      if (found[0] && found[1]) resolve([found[0], found[1]]);
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.on('exit', (code) => {
      reject(new Error(`the counter ended with ${String(code)}:\n${log}`));
    });
  });
  const own = new PrivatePort(privatePort, before);
  let started = false;
  const stop = lives(
    'the counter',
    async () => {
      try {
        if (started) own.noWriteBlocked();
        assert.deepEqual(
          log.split('\n').filter((line) => line.includes('a text is missing')),
          [],
        );
      } finally {
        await ended(server);
        rmSync(folder, { recursive: true, force: true });
      }
    },
    () => server.kill('SIGTERM'), // so that it ends its own PostgreSQL and Redis
  );
  try {
    const [citizenLink, clerkLink] = await within(links, START_WITHIN, () => `the counter did not start:\n${log}`);
    started = true;
    return {
      url: new URL(citizenLink).origin,
      citizenLink,
      clerkLink,
      log: () => log,
      sql: (statement) => {
        runSQL(folder, statement.replaceAll('now()', `timestamptz '${now()}'`));
      },
      private: own,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function build(folder: string): string {
  const binary = path.join(folder, 'sportello');
  const built = spawnSync('go', ['build', '-o', binary, './cmd/sportello'], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  return binary;
}

function runSQL(folder: string, statement: string): void {
  const socket = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('.s.PGSQL.5432'),
  );
  assert.ok(socket, 'the private PostgreSQL has a socket');
  const args = [
    '-X',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    path.dirname(path.join(folder, socket)),
    '-U',
    'sportello',
    '-d',
    'sportello',
  ];
  const ran = spawnSync('psql', [...args, '-c', statement], { encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const over = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await within(over, 20_000, () => 'the counter does not stop').catch(() => server.kill('SIGKILL'));
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address && typeof address === 'object');
  return address.port;
}

const common = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--allow-loopback-in-peer-connection',
];

/** A small frame rate keeps three people's pictures within two cores. */
const fakeDevices = [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream=display-media-type=browser,fps=10',
];

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export async function startBrowser(
  flags: readonly string[] = fakeDevices,
  executablePath: string = CHROMIUM,
  without: string[] = [], // of what playwright-core adds
): Promise<Browser> {
  const options = { executablePath, headless: true, ignoreDefaultArgs: without, args: [...common, ...flags] };
  const browser = await chromium.launch(options).catch((error: unknown) => {
    // Chromium itself dies at its start once in some hundred times, before any page is there.
    if (!String(error).includes('signal=SIGSEGV')) throw error;
    console.log('Chromium died at its start, and is started again');
    return chromium.launch(options);
  });
  lives(
    'a Chromium',
    () => browser.close(),
    () => undefined, // playwright-core kills its browsers when the process ends
  );
  return browser;
}

export interface Site {
  readonly counter: Counter;
  readonly browser: Browser;
}

/** startSite gives all tests of a file one counter and one browser; they are there once a test runs. */
export function startSite(settings: Record<string, string> = {}): Site {
  let counter: Counter | undefined;
  let browser: Browser | undefined;
  before(async () => {
    counter = await startCounter(settings);
    browser = await startBrowser();
  });
  return {
    get counter() {
      assert.ok(counter, 'the counter is started before the first test');
      return counter;
    },
    get browser() {
      assert.ok(browser, 'the browser is started before the first test');
      return browser;
    },
  };
}

export const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 }, locale: 'it-IT' };
export const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: 'it-IT',
};

/** Collects the page's peer connections and sockets, for statistics and for breaking them. */
export function observe(): void {
  const all = { peers: [] as RTCPeerConnection[], sockets: [] as WebSocket[], cut: false };
  Object.assign(window, { observed: all });
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, args: ConstructorParameters<typeof RTCPeerConnection>) {
      const made = new target(...args);
      all.peers.push(made);
      return made;
    },
  });
  window.WebSocket = new Proxy(WebSocket, {
    construct(target, args: ConstructorParameters<typeof WebSocket>) {
      // While cut, sockets go where no socket can open.
      const made = all.cut ? new target(`ws://${location.host}/robots.txt`) : new target(...args);
      all.sockets.push(made);
      return made;
    },
  });
}

interface Observed {
  observed: { peers: RTCPeerConnection[]; sockets: WebSocket[]; cut: boolean };
}

/** newPage opens a context of its own; what goes wrong in the page fails the test. */
export async function newPage(
  browser: Browser,
  options: BrowserContextOptions,
): Promise<{ page: Page; context: BrowserContext; errors: string[] }> {
  const context = await browser.newContext(options);
  await context.addInitScript(observe);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  return { page, context, errors };
}

export interface VideoIn {
  readonly mid: string;
  readonly frames: number;
  readonly width: number;
  readonly height: number;
}

export interface Media {
  readonly state: string;
  readonly video: VideoIn[];
  /** Summed audio energy received (W3C WebRTC Stats, totalAudioEnergy). */
  readonly audioEnergy: number;
}

/** media asks the newest peer connection what it has decoded. */
export async function media(page: Page): Promise<Media> {
  return page.evaluate(async () => {
    const pc = (window as unknown as Observed).observed.peers.at(-1);
    if (!pc) return { state: 'none', video: [], audioEnergy: 0 };
    const video: VideoIn[] = [];
    let audioEnergy = 0;
    for (const raw of (await pc.getStats()).values() as IterableIterator<RTCStats>) {
      if (raw.type !== 'inbound-rtp') continue;
      const s = raw as RTCInboundRtpStreamStats;
      if (s.kind === 'audio') audioEnergy += s.totalAudioEnergy ?? 0;
      else if (s.framesDecoded) {
        video.push({ mid: s.mid ?? '', frames: s.framesDecoded, width: s.frameWidth ?? 0, height: s.frameHeight ?? 0 });
      }
    }
    return { state: pc.connectionState, video, audioEnergy };
  });
}

/** eventually asks until the answer is yes, or fails with the last answer. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  yes: (answer: T) => boolean,
  ms = 25_000,
): Promise<T> {
  const until = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (yes(answer)) return answer;
    if (Date.now() > until) assert.fail(`${what}: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 150)); // the pause between two questions
  }
}

/** flows waits until n videos and the sound go on growing from now. */
export async function flows(page: Page, who: string, n: number): Promise<Media> {
  const before = await media(page);
  const grown = (now: Media): number =>
    now.video.filter((v) => v.frames >= (before.video.find((b) => b.mid === v.mid)?.frames ?? 0) + 5).length;
  return eventually(
    `${who} sees ${n} videos and hears`,
    () => media(page),
    (now) => grown(now) >= n && now.audioEnergy > before.audioEnergy,
  );
}

/** dropSockets closes the page's sockets, as a network change does. */
export async function dropSockets(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const socket of (window as unknown as Observed).observed.sockets) socket.close();
  });
}

/** cutSockets lets no new socket open until it is undone; media goes on. */
export async function cutSockets(page: Page, cut: boolean): Promise<void> {
  await page.evaluate((is) => {
    (window as unknown as Observed).observed.cut = is;
  }, cut);
}

export async function peersMade(page: Page): Promise<number> {
  return page.evaluate(() => (window as unknown as Observed).observed.peers.length);
}

const axeSource = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

/** accessible runs axe and fails with what it found. */
export async function accessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const axe = (
      window as unknown as {
        axe: { run: (o: object) => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe;
    const result = await axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`);
  });
  assert.deepEqual(found, [], `${what} is accessible`);
}

/** stacked looks at a table as the narrowest phone shows it: still a table to a screen reader, and nothing to move sideways. */
export async function stacked(page: Page, caption: string): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const rows = page.getByRole('table', { name: caption }).getByRole('row');
  assert.ok((await rows.count()) > 1, `${caption} is no table on a phone`);
  const moved = await page.evaluate(() =>
    [...document.querySelectorAll('.st-scroll')].map((x) => x.scrollWidth - x.clientWidth),
  );
  assert.deepEqual(moved, [0], `${caption} is moved sideways on a phone`);
  if (before) await page.setViewportSize(before);
}

/** picture keeps a screenshot for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(OUT, { recursive: true });
  await page.screenshot({ path: path.join(OUT, `${name}.png`) });
}

/** meet lets the citizen of the demonstration's appointment wait, and its clerk admit them. */
export async function meet(counter: Counter, citizen: Page, clerk: Page): Promise<void> {
  await citizen.goto(counter.citizenLink);
  await citizen.click('[data-action=enter]');
  await citizen.waitForSelector('[data-view=lobby]');
  await clerk.goto(counter.clerkLink);
  await clerk.click('[data-action=enter]');
  await clerk.waitForSelector('[data-view=call]');
  await clerk.click('[data-action=lobby-bar]');
  await citizen.waitForSelector('[data-view=call]');
}
