// What the counter says of itself on its private port, as Prometheus reads it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

export type Metrics = ReadonlyMap<string, number>;

/** PrivatePort is 127.0.0.1:port where the counter runs; before are the words that lead there. */
export class PrivatePort {
  private readonly port: number;
  private readonly before: readonly string[];

  constructor(port: number, before: readonly string[]) {
    this.port = port;
    this.before = before;
  }

  metrics(): Metrics {
    const found = this.get('/metrics').matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm);
    return new Map([...found].map(([, name = '', value]) => [name, Number(value)]));
  }

  /** live is the bytes of memory in use after a collection: heap and stacks. */
  live(): number {
    const profile = this.get('/debug/pprof/heap?gc=1&debug=1'); // it ends with runtime.MemStats
    const of = (name: RegExp): number => Number(name.exec(profile)?.[1] ?? NaN);
    return of(/^# HeapAlloc = (\d+)/m) + of(/^# Stack = (\d+)/m);
  }

  /** noWriteBlocked fails where the control plane has tried to send with the media's keys: a nonce would be used twice. */
  noWriteBlocked(): void {
    const blocked = this.metrics().get('sportello_sfu_srtp_writes_blocked_total');
    assert.equal(blocked, 0, 'no SRTP write of the control plane');
  }

  private get(path: string): string {
    const script = `fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))`;
    const ask = [process.execPath, '-e', script, `http://127.0.0.1:${this.port}${path}`];
    const [command = '', ...args] = [...this.before, ...ask];
    const ran = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000, maxBuffer: 16 * 1024 * 1024 });
    assert.equal(ran.status, 0, ran.stderr);
    return ran.stdout;
  }
}
