// A guest who comes to the clerk, is seen and heard, and goes again.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { eventually, type Counter } from './harness';
import { invite } from './invite';
import { path, type Path } from './path';
import { between, line, received, type Asked, type Sum } from './received';

/** GuestPage is a page of playwright-core or of puppeteer-core. */
export interface GuestPage extends Asked {
  goto(address: string): Promise<unknown>;
  click(what: string): Promise<void>;
  waitForSelector(what: string): Promise<unknown>;
}

/** only lets a page's connections use the relay alone, over one transport; it runs before the page's own scripts. */
export function only(transport: string): void {
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, [wanted]: [RTCConfiguration]) {
      const iceServers = (wanted.iceServers ?? []).map((server) => ({
        ...server,
        urls: [server.urls].flat().filter((url) => url.endsWith(`transport=${transport}`)),
      }));
      return new target({ ...wanted, iceServers, iceTransportPolicy: 'relay' });
    },
  });
}

/** unrelayed keeps a page's connections from any relay. */
export function unrelayed(): void {
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct: (target, [wanted]: [RTCConfiguration]) => new target({ ...wanted, iceServers: [] }),
  });
}

async function press(page: GuestPage, what: string): Promise<void> {
  await page.waitForSelector(what);
  await page.click(what);
}

export async function leave(page: GuestPage): Promise<void> {
  await press(page, '[data-command=leave]');
  await press(page, 'dialog [value=yes]');
}

/**
 * visit has a guest enter the clerk's call, waits until each has got so many
 * frames of the other, and has the guest leave. It gives the guest's path and
 * what the guest has received meanwhile.
 */
export async function visit(
  t: TestContext,
  counter: Counter,
  clerk: Page,
  guest: GuestPage,
  frames = 20,
): Promise<{ way: Path; got: Sum }> {
  await guest.goto(invite(counter, 'Omar Haddad'));
  await press(guest, '[data-action=enter]');
  await guest.waitForSelector('[data-view=lobby]');
  await clerk.click('[data-action=lobby-bar]');
  await guest.waitForSelector('[data-view=call]');
  const sees = async (who: string, page: Asked): Promise<Sum> => {
    const start = await received(page);
    const got = await eventually(
      `${who} sees and hears`,
      async () => between(start, await received(page)),
      (got) => got.frames > frames && got.energy > 0,
      60_000,
    );
    t.diagnostic(`${who}: ${line(got)}`);
    return got;
  };
  const [got] = await Promise.all([sees('the guest', guest), sees('the clerk', clerk)]);
  const way = await path(guest);
  t.diagnostic(`the guest's path: ${JSON.stringify(way)}`);
  await leave(guest);
  await eventually(
    'the clerk is alone',
    () => clerk.locator('.tile:not(.mine)').count(),
    (n) => n === 0,
  );
  return { way, got };
}

/** relayed asserts that a path goes through the relay, over one transport, and that no other was tried. */
export function relayed(way: Path, transport: string): void {
  assert.equal(way.relay, transport);
  assert.equal(way.local, 'relay', 'the counter saw the address that the browser was given');
  assert.deepEqual([...new Set(way.found)], ['relay'], 'nothing but the relay was tried');
}
