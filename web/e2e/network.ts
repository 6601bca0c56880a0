// A network for tests that must be disturbed: two namespaces with a cable
// between them. The counter stands at one end, with an address of its own; who
// is far away sits at the other. On the cable packets can be lost (nftables)
// and held to a rate (tc), and nobody else on the machine notices.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startCounter, type Counter } from './harness';
import { lives } from './lifetime';

/** The counter's address on the cable, and the ports that it takes there. */
const HERE = '10.77.0.1';
const AWAY = '10.77.0.2';
const HERE6 = 'fd77::1';
const AWAY6 = 'fd77::2';
const MEDIA_PORT = 7882;

function run(...[command, ...args]: [string, ...string[]]): string {
  const ran = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  if (ran.error) throw new Error(`${command}: ${ran.error.message}`);
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ran.stderr.trim()}`);
  return ran.stdout;
}

export class Network {
  private readonly name = `sportello-${process.pid}`;
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'sportello-net-'));
  /** The namespaces of the counter and of who is far away. */
  readonly here = `${this.name}-here`;
  readonly away = `${this.name}-away`;

  constructor() {
    sweep();
    try {
      for (const ns of [this.here, this.away]) {
        run('ip', 'netns', 'add', ns);
        run('ip', '-n', ns, 'link', 'set', 'lo', 'up');
      }
      run('ip', 'link', 'add', 'cable', 'netns', this.here, 'type', 'veth', 'peer', 'cable', 'netns', this.away);
      run('ip', '-n', this.here, 'addr', 'add', `${HERE}/24`, 'dev', 'cable');
      run('ip', '-n', this.away, 'addr', 'add', `${AWAY}/24`, 'dev', 'cable');
      run('ip', '-n', this.here, 'addr', 'add', `${HERE6}/64`, 'dev', 'cable', 'nodad');
      run('ip', '-n', this.away, 'addr', 'add', `${AWAY6}/64`, 'dev', 'cable', 'nodad');
      for (const ns of [this.here, this.away]) run('ip', '-n', ns, 'link', 'set', 'cable', 'up');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** inside gives the words to put before a command. */
  inside(ns: string): [string, ...string[]] {
    return ['ip', 'netns', 'exec', ns];
  }

  /** wrap gives a program that runs another one inside, for who wants a path. */
  wrap(ns: string, program: string): string {
    const file = path.join(this.folder, `${ns}-${path.basename(program)}`);
    writeFileSync(file, `#!/bin/sh\nexec ${this.inside(ns).join(' ')} ${program} "$@"\n`, { mode: 0o755 });
    return file;
  }

  /**
   * bridge leads from a port of this process's loopback to the same one inside, for
   * who drives a program there: a socket that is a file is reached from everywhere.
   */
  async bridge(ns: string, port: number): Promise<void> {
    const file = path.join(this.folder, `${port}.sock`);
    const script = `const net = require('node:net');
      net.createServer((from) => {
        const to = net.connect(${port}, '127.0.0.1');
        from.on('error', () => to.destroy()).pipe(to).on('error', () => from.destroy()).pipe(from);
      }).listen('${file}', () => console.log('ready'));`;
    const [command, ...args] = this.inside(ns);
    const inner = spawn(command, [...args, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(inner.stdout, 'data');
    const outer = createServer((from) => {
      const to = connect(file);
      from
        .on('error', () => to.destroy())
        .pipe(to)
        .on('error', () => from.destroy())
        .pipe(from);
    });
    await once(outer.listen(port, '127.0.0.1'), 'listening');
    const end = (): void => {
      inner.kill();
      outer.close();
    };
    lives('a bridge', end, end);
  }

  /**
   * lose drops so many of a hundred media packets each way. Each end drops
   * what arrives: a sender is told of what its own end drops, and browsers
   * then send it again.
   */
  lose(percent: number): void {
    const some = `numgen random mod 100 < ${percent} drop`;
    this.rule(this.here, `udp dport ${MEDIA_PORT} ${some}`);
    this.rule(this.away, `udp sport ${MEDIA_PORT} ${some}`);
  }

  /** cutUDP lets TCP through alone. */
  cutUDP(): void {
    for (const ns of [this.here, this.away]) this.rule(ns, 'meta l4proto udp drop');
  }

  /** onlyIPv6 lets no IPv4 through to the media's ports and back. */
  onlyIPv6(): void {
    this.rule(this.here, `meta nfproto ipv4 th dport ${MEDIA_PORT} drop`);
    this.rule(this.away, `meta nfproto ipv4 th sport ${MEDIA_PORT} drop`);
  }

  /** hold lets no more through each way, TCP and UDP together. */
  hold(kilobits: number): void {
    for (const ns of [this.here, this.away]) {
      run(
        ...this.inside(ns),
        ...`tc qdisc replace dev cable root tbf rate ${kilobits}kbit burst 8k latency 300ms`.split(' '),
      );
    }
  }

  /** heal undoes what was done to the cable. */
  heal(): void {
    for (const ns of [this.here, this.away]) {
      for (const undo of ['nft delete table inet faults', 'tc qdisc del dev cable root']) {
        const [command, ...args] = [...this.inside(ns), ...undo.split(' ')] as [string, ...string[]];
        spawnSync(command, args); // fails where there was nothing to undo
      }
    }
  }

  /** rule adds one for what comes over the cable, and not for what stays at that end. */
  private rule(ns: string, rule: string): void {
    const file = path.join(this.folder, 'rules');
    const chain = `chain in { type filter hook input priority 0; iifname cable ${rule}; }`;
    writeFileSync(file, `table inet faults { ${chain}; }\n`);
    run(...this.inside(ns), 'nft', '-f', file);
  }

  close(): void {
    for (const ns of [this.here, this.away]) spawnSync('ip', ['netns', 'del', ns]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** counterIn starts a counter at its end of the cable, with TLS: cameras need a secure page, and this one is not on localhost. */
export function counterIn(network: Network, settings: Record<string, string> = {}): Promise<Counter> {
  const own = { SPORTELLO_ADDR: `${HERE}:8443`, SPORTELLO_TLS: 'self', SPORTELLO_MEDIA_PORT: String(MEDIA_PORT) };
  return startCounter({ ...own, ...settings }, network.inside(network.here));
}

/** sweep removes the namespaces of tests that were killed. */
function sweep(): void {
  for (const [ns, pid] of run('ip', 'netns', 'list').matchAll(/^sportello-(\d+)-\w+/gm)) {
    try {
      process.kill(Number(pid), 0);
    } catch {
      spawnSync('ip', ['netns', 'del', ns]);
    }
  }
}

/** noNetwork says why such a network cannot be had here; false where it can. */
export function noNetwork(): string | false {
  if (process.getuid?.() !== 0) return 'SKIPPED: network namespaces need root';
  try {
    const trial = new Network();
    try {
      run(...trial.inside(trial.here), 'nft', 'add table inet trial');
      trial.hold(1000);
    } finally {
      trial.close();
    }
    return false;
  } catch (error) {
    return `SKIPPED: no network of its own can be made here: ${error instanceof Error ? error.message : String(error)}`;
  }
}
