import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import en from '../../locales/room.en.json';
import it from '../../locales/room.it.json';
import { fill, placeholders, translate, type Catalogue } from './i18n';

const italian: Catalogue = it;
const english: Catalogue = en;

void test('both languages have the same keys and placeholders', () => {
  assert.deepEqual(Object.keys(italian), Object.keys(english));
  for (const [key, entry] of Object.entries(italian)) {
    const other = english[key];
    assert.ok(other);
    assert.deepEqual(placeholders(entry), placeholders(other), key);
    assert.equal(typeof entry, typeof other, key);
  }
});

void test('every key that the room names exists, and every entry is used', () => {
  const sources = readdirSync('web/src/room')
    .filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts'))
    .map((f) => readFileSync(`web/src/room/${f}`, 'utf8'));
  sources.push(readFileSync('web/src/room.ts', 'utf8'));
  for (const f of readdirSync('web/templates/room')) sources.push(readFileSync(`web/templates/room/${f}`, 'utf8'));
  const all = sources.join('\n');
  for (const [, key] of all.matchAll(/["'`](room(?:\.[\w-]+)+)["'`]/g)) {
    if (!key || /\.(?:css|js)$/.test(key)) continue;
    assert.ok(key in italian, `no text for ${key}`);
  }
  const made = [...all.matchAll(/`(room(?:\.[\w-]+)*\.)\$\{/g)].map((m) => m[1] ?? '');
  for (const key of Object.keys(italian)) {
    assert.ok(
      all.includes(`'${key}'`) || all.includes(`"${key}"`) || made.some((prefix) => key.startsWith(prefix)),
      `${key} is not used`,
    );
  }
});

void test('placeholders are filled and plurals chosen', () => {
  assert.equal(fill('{{.A}} e {{ .B }}', { A: '$&', B: 2 }), '$& e 2');
  assert.equal(translate(italian, 'room.lobby.wait', { Count: 1 }), 'Attesa prevista: circa un minuto.');
  assert.equal(translate(english, 'room.lobby.wait', { Count: 5 }), 'Expected wait: about 5 minutes.');
});
