// What a test file starts ends with the file, however its tests end. A counter
// or a browser that is left where a before hook fails or a time limit passes
// would keep the file's process for ever, and the run with it.

import { after } from 'node:test';
import { within } from './within';

const END_WITHIN = 120_000; // milliseconds, for each thing

interface Started {
  readonly what: string;
  readonly end: () => unknown;
  readonly kill: () => void;
}

const running = new Set<Started>();

/**
 * lives notes what was started, and how it is ended in order; kill ends it at
 * once, where the other way fails or the process has no time left. It gives the
 * way to end it before the file's end, which does nothing the second time.
 */
export function lives(what: string, end: () => unknown, kill: () => void): () => Promise<void> {
  const started = { what, end, kill };
  running.add(started);
  return () => finish(started);
}

async function finish(started: Started): Promise<void> {
  if (!running.delete(started)) return;
  try {
    await within(Promise.resolve(started.end()), END_WITHIN, () => `${started.what} does not end`);
  } catch (error) {
    started.kill();
    throw error;
  }
}

/** finishAll ends all that still runs, the last started first. One that fails keeps none of the others. */
async function finishAll(): Promise<void> {
  const failed: unknown[] = [];
  for (const started of [...running].reverse()) await finish(started).catch((error: unknown) => failed.push(error));
  if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('\n'));
}

// Programs that are no tests (screenshots, benchmarks) end what they start themselves.
if (process.argv[1]?.endsWith('.test.mjs')) after(finishAll);

process.on('exit', () => {
  for (const { kill } of running) kill();
});
