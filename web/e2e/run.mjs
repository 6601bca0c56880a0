// Runs the tests written in TypeScript with Node's own runner:
//   node web/e2e/run.mjs unit      the parts that need no browser (web/src/**/*.test.ts)
//   node web/e2e/run.mjs browser   the stories in Chromium (web/e2e/*.test.ts)
// Further words choose files by a part of their name: … browser reconnect
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const e2e = path.dirname(fileURLToPath(import.meta.url));
const [kind = 'unit', ...words] = process.argv.slice(2);
const folder = kind === 'browser' ? e2e : path.join(path.dirname(e2e), 'src');
const out = path.join(e2e, 'out', kind);

const entries = (await readdir(folder, { recursive: true }))
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('out'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort();
if (entries.length === 0) {
  console.error(`no tests for: ${kind} ${words.join(' ')}`);
  process.exit(1);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await esbuild.build({
  entryPoints: entries.map((name) => path.join(folder, name)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  outdir: out,
  outbase: folder,
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});

// The counters of all stories run one binary.
const binary = path.join(e2e, 'out', 'sportello');
if (kind === 'browser') {
  const built = spawnSync('go', ['build', '-o', binary, './cmd/sportello'], { stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
}

// One browser story at a time: each fills the machine's cores.
const files = entries.map((name) => path.join(out, name.replace(/\.ts$/, '.mjs')));
const runner = spawn(process.execPath, ['--enable-source-maps', '--test', '--test-concurrency=1', ...files], {
  stdio: 'inherit',
  env: { ...process.env, E2E_BINARY: binary },
});
runner.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.kill(signal));
