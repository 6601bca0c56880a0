// What screen readers hear: one polite region for what happens, one alert for
// what needs an answer now. Lines are spoken one after another and then removed.

import { h } from './dom';

const polite = h('div', { role: 'status', class: 'visually-hidden' });
const alert = h('div', { role: 'alert', class: 'visually-hidden' });

export function mountAnnouncer(parent: Element): void {
  parent.append(polite, alert);
}

function speak(region: HTMLElement, line: string): void {
  const p = h('p', {}, line);
  region.append(p);
  setTimeout(() => {
    p.remove();
  }, 10_000);
}

export const announce = (line: string): void => {
  speak(polite, line);
};

export const warn = (line: string): void => {
  speak(alert, line);
};
