// Builds what browsers load: scripts (esbuild), styles (Sass, PurgeCSS), the
// fonts and icons they name. Everything lands in web/static/dist under names
// that carry a hash of the content; manifest.json maps plain names to them.
// Fails where a bundle outgrows its budget: a booking page must open on a slow
// phone.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { PurgeCSS } from 'purgecss';
import * as sass from 'sass';

const web = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(web, '..', 'node_modules');
const dist = path.join(web, 'static', 'dist');
const bundles = ['public', 'proof', 'staff', 'room', 'hall', 'embed'];
const prefix = '/static/';

// Most bytes after gzip.
const budgets = {
  'public.css': 25_000,
  'public.js': 25_000,
  'embed.js': 2_000,
  'room.css': 25_000,
  'room.js': 90_000,
};

// Classes that scripts of bootstrap-italia set while the page lives.
const living = [
  'show',
  'collapse',
  'collapsing',
  'collapsed',
  'active',
  'fade',
  'focus--mouse',
  'is-invalid',
  'disabled',
];

// Old enough for the phones people have, new enough for WebRTC as we use it.
const target = ['chrome109', 'firefox115', 'safari15.6'];

const manifest = {};
const outputs = new Map(); // file name → bytes; written only when all is built

function emit(logical, data) {
  const hash = createHash('sha256').update(data).digest('hex').slice(0, 10);
  const ext = path.extname(logical);
  const name = `${logical.slice(0, -ext.length)}.${hash}${ext}`;
  outputs.set(name, Buffer.from(data));
  manifest[logical] = name;
}

// files lists what is below the given folders and has one of the endings.
async function files(folders, endings) {
  const found = [];
  for (const folder of folders.filter(existsSync)) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && endings.includes(path.extname(entry.name))) {
        found.push(path.join(entry.parentPath, entry.name));
      }
    }
  }
  return found;
}

async function script(name) {
  const entry = path.join(web, 'src', `${name}.ts`);
  if (!existsSync(entry)) return;
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: name === 'embed' ? 'iife' : 'esm', // embed stands on pages of others, in a plain script
    target,
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  emit(`${name}.js`, outputFiles[0].contents);
}

// style builds a page bundle's stylesheet and leaves out what none of its
// pages uses.
async function style(name) {
  const entry = path.join(web, 'styles', `${name}.scss`);
  if (!existsSync(entry)) return;
  const { css } = await sass.compileAsync(entry, {
    loadPaths: [path.join(web, 'styles'), modules, path.join(modules, 'bootstrap-italia', 'src', 'scss')],
    quietDeps: true,
    // bootstrap-italia is still written with @import.
    silenceDeprecations: ['import', 'global-builtin', 'color-functions', 'if-function'],
    logger: { warn: (message, { deprecation }) => deprecation || console.warn(`${name}.scss: ${message}`) },
  });
  const pages = await files(
    [path.join(web, 'templates', 'base'), path.join(web, 'templates', name), path.join(web, 'src')],
    ['.html', '.ts'],
  );
  const own = pages.filter((file) => !file.endsWith('.ts') || belongs(file, name));
  const go = (await readdir(web))
    .filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))
    .map((f) => path.join(web, f));
  const [purged] = await new PurgeCSS().purge({
    content: [...own, ...go],
    css: [{ raw: css }],
    defaultExtractor: (text) => text.match(/[\w-]+/g) ?? [],
    safelist: { standard: living },
    dynamicAttributes: ['href'], // what an address begins with is no word of a page
    variables: true,
    keyframes: true,
  });
  const { outputFiles } = await esbuild.build({
    stdin: { contents: purged.css, resolveDir: path.join(web, 'styles'), loader: 'css' },
    bundle: true,
    minify: true,
    target,
    outdir: dist,
    entryNames: name,
    assetNames: '[name].[hash]',
    publicPath: prefix,
    loader: { '.woff2': 'file', '.svg': 'file', '.png': 'file' },
    plugins: [packaged],
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  for (const file of outputFiles) {
    if (file.path.endsWith('.css')) emit(`${name}.css`, file.contents);
    else outputs.set(path.basename(file.path), Buffer.from(file.contents));
  }
}

// belongs says whether a script's words count for a bundle: its entry point
// and the folder of its name.
function belongs(file, name) {
  const [first] = path.relative(path.join(web, 'src'), file).split(path.sep);
  return first === `${name}.ts` || first === name;
}

// packaged lets a style sheet name a file of an npm package:
// url('bootstrap-italia/dist/fonts/…').
const packaged = {
  name: 'packaged',
  setup(build) {
    build.onResolve({ filter: /^bootstrap-italia\// }, ({ path: named }) => ({ path: path.join(modules, named) }));
  },
};

// icons keeps the symbols of bootstrap-italia's sprite that the pages name.
async function icons() {
  const sprite = await readFile(path.join(modules, 'bootstrap-italia', 'dist', 'svg', 'sprites.svg'), 'utf8');
  const pages = await files([path.join(web, 'templates'), path.join(web, 'src')], ['.html', '.ts']);
  const go = (await readdir(web)).filter((f) => f.endsWith('.go')).map((f) => path.join(web, f));
  const named = new Set();
  for (const file of [...pages, ...go]) {
    for (const [id] of (await readFile(file, 'utf8')).matchAll(/\bit-[a-z0-9-]+/g)) named.add(id);
  }
  const symbols = sprite.match(/<symbol id="[^"]+"[\s\S]*?<\/symbol>/g) ?? [];
  const used = symbols.filter((symbol) => named.has(/id="([^"]+)"/.exec(symbol)?.[1] ?? ''));
  emit('sprites.svg', `<svg xmlns="http://www.w3.org/2000/svg">${used.join('')}</svg>`);
}

// plainFiles hashes what lies ready in static/: the site's icon and pictures.
async function plainFiles() {
  const folder = path.join(web, 'static');
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile()) emit(entry.name, await readFile(path.join(folder, entry.name)));
  }
}

function report() {
  let tooBig = false;
  for (const [logical, name] of Object.entries(manifest).sort()) {
    const size = gzipSync(outputs.get(name), { level: 9 }).length;
    const budget = budgets[logical];
    const over = budget !== undefined && size > budget;
    tooBig ||= over;
    const limit = budget === undefined ? '' : ` of ${(budget / 1000).toFixed(0)}`;
    console.log(`${logical.padEnd(14)} ${(size / 1000).toFixed(1)}${limit} kB gzip${over ? '  TOO BIG' : ''}`);
  }
  return tooBig;
}

// write puts the new files in place and takes the old ones away: whoever
// embeds the folder meanwhile never finds it empty.
async function write() {
  outputs.set('manifest.json', Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  outputs.set('.gitkeep', Buffer.alloc(0));
  await mkdir(dist, { recursive: true });
  for (const [name, data] of outputs) await writeFile(path.join(dist, name), data);
  for (const name of await readdir(dist)) {
    if (!outputs.has(name)) await rm(path.join(dist, name), { recursive: true });
  }
}

await Promise.all([...bundles.flatMap((name) => [script(name), style(name)]), icons(), plainFiles()]);
if (report()) {
  console.error('A bundle is over its budget (web/build.mjs).');
  process.exitCode = 1;
}
await write();
