// What the counter says of itself on its private port, as Prometheus reads it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const fetchText = `fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))`;

export type Metrics = ReadonlyMap<string, number>;

/** readMetrics asks 127.0.0.1:port from where the counter runs; before are the words that lead there. */
export function readMetrics(port: number, before: readonly string[]): Metrics {
  const ask = [process.execPath, '-e', fetchText, `http://127.0.0.1:${port}/metrics`];
  const [command = '', ...args] = [...before, ...ask];
  const ran = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
  assert.equal(ran.status, 0, ran.stderr);
  const found = ran.stdout.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm);
  return new Map([...found].map(([, name = '', value]) => [name, Number(value)]));
}

/** noWriteBlocked fails where the control plane has tried to send with the media's keys: a nonce would be used twice. */
export function noWriteBlocked(metrics: Metrics): void {
  assert.equal(metrics.get('sportello_sfu_srtp_writes_blocked_total'), 0, 'no SRTP write of the control plane');
}
