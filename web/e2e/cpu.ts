// What the programs of a call take of the processors, thread by thread, as
// Linux counts it (proc(5)).

import { readdirSync, readFileSync } from 'node:fs';

const TICK = 10; // ms: USER_HZ is 100 wherever Node runs

/** ms of CPU by what used it; what has ended meanwhile is not in it. */
export type Used = Map<string, number>;

/** used sums up what all that this process has started have taken so far. */
export function used(): Used {
  const sum: Used = new Map();
  for (const pid of descendants()) {
    const command = read(`/proc/${pid}/cmdline`);
    for (const tid of entries(`/proc/${pid}/task`)) {
      const stat = read(`/proc/${pid}/task/${tid}/stat`);
      const at = stat.lastIndexOf(')');
      const fields = stat.slice(at + 2).split(' ');
      const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0); // utime, stime
      const name = role(command, tid === pid, stat.slice(stat.indexOf('(') + 1, at));
      sum.set(name, (sum.get(name) ?? 0) + ticks * TICK);
    }
  }
  return sum;
}

function role(command: string, main: boolean, thread: string): string {
  if (!command.includes('chromium')) return command.includes('/sportello\0') ? 'server' : 'other programs';
  if (command.includes('network.mojom')) return 'network services';
  if (!command.includes('--type=renderer')) return 'rest of the browsers';
  if (main) return "pages' main threads";
  if (/^(?:WebRTC|Chrome_ChildIOT)/.test(thread)) return "pages' network threads";
  return "pages' other threads";
}

function descendants(): string[] {
  const children = new Map<string, string[]>();
  for (const pid of entries('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = read(`/proc/${pid}/stat`);
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '';
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: string[] = [];
  for (const next = [String(process.pid)]; next.length > 0;) {
    const below = children.get(next.pop() ?? '') ?? [];
    found.push(...below);
    next.push(...below);
  }
  return found;
}

/** Processes and threads end while they are looked at: then there is nothing to read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** since is what was used between two looks. */
export function since(before: Used, now: Used): Used {
  return new Map([...now].map(([name, ms]) => [name, ms - (before.get(name) ?? 0)]));
}
