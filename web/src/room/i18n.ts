// Texts of the room, from the same catalogues as the pages (go-i18n's format).

import en from '../../locales/room.en.json';
import it from '../../locales/room.it.json';

type Entry = string | { one: string; other: string };
export type Catalogue = Record<string, Entry>;
export type Key = keyof typeof it;
export type Values = Record<string, string | number>;
export type LanguageCode = 'it' | 'en';

/** fill puts values in the {{.Name}} places of a text. */
export function fill(textValue: string, values: Values): string {
  return textValue.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}

/** placeholders lists the names that a text wants. */
export function placeholders(entry: Entry): string[] {
  const texts = typeof entry === 'string' ? [entry] : [entry.one, entry.other];
  const names = texts.flatMap((x) => [...x.matchAll(/\{\{\s*\.(\w+)\s*\}\}/g)].map((m) => m[1] ?? ''));
  return [...new Set(names)].sort();
}

/** translate looks a key up; Count among the values chooses the plural. */
export function translate(catalogue: Catalogue, key: string, values: Values = {}): string {
  const entry = catalogue[key];
  if (entry === undefined) return key;
  const form = typeof entry === 'string' ? entry : values.Count === 1 ? entry.one : entry.other;
  return fill(form, values);
}

export function languageOf(lang: string): LanguageCode {
  return lang.toLowerCase().startsWith('en') ? 'en' : 'it';
}

export const language: LanguageCode = languageOf(
  typeof document === 'undefined' ? 'it' : document.documentElement.lang,
);
const catalogue: Catalogue = language === 'en' ? en : it;

/** t is the text under key in the page's language. */
export function t(key: Key, values?: Values): string {
  return translate(catalogue, key, values);
}

const locale = language === 'en' ? 'en-GB' : 'it-IT';
// Times are the office's, wherever the reader is.
const timeZone =
  (typeof document === 'undefined' ? undefined : document.getElementById('room')?.dataset.tz) ?? 'Europe/Rome';
const clockFormat = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZone });
const dayFormat = new Intl.DateTimeFormat(locale, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone,
});

export const clock = (at: Date): string => clockFormat.format(at);
export const day = (at: Date): string => dayFormat.format(at);

/** bytes writes a size for people: 20 MB, 640 kB. Powers of 1024, as the limits are. */
export function bytes(n: number): string {
  const unit =
    n >= 1024 * 1024
      ? { div: 1024 * 1024, name: 'MB' }
      : n >= 1024
        ? { div: 1024, name: 'kB' }
        : { div: 1, name: 'byte' };
  const value = n / unit.div;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 && unit.div > 1 ? 1 : 0 }).format(value)} ${unit.name}`;
}
