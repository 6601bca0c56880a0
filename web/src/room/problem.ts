// Pages of plain words: why one cannot come in, or that it is over, and what to
// do next. Each code of the gate has its own.

import type { Ended, ErrorMessage } from '../protocol.gen';
import { h } from './dom';
import { icon, type IconName } from './icons';
import { clock, day, t, type Key } from './i18n';

export interface Places {
  readonly console: string;
  readonly manage: string;
  readonly home: string;
}

export interface Notice {
  readonly id: string; // for styles and tests: data-notice
  readonly icon: IconName;
  readonly title: string;
  readonly body: readonly string[];
  readonly link?: { readonly text: string; readonly href: string };
  readonly action?: { readonly text: string; readonly run: () => void };
}

/** noticePage fills the page with a notice and moves the focus to its heading. */
export function noticePage(notice: Notice): HTMLElement {
  const heading = h('h1', { tabindex: -1 }, notice.title);
  queueMicrotask(() => {
    heading.focus();
  });
  return h(
    'section',
    { class: 'card-page notice', 'data-notice': notice.id },
    h('div', { class: 'notice-icon' }, icon(notice.icon)),
    heading,
    ...notice.body.map((line) => h('p', {}, line)),
    h(
      'div',
      { class: 'page-buttons' },
      notice.action &&
        h('button', { type: 'button', class: 'btn btn-primary', onclick: notice.action.run }, notice.action.text),
      notice.link &&
        h(
          'a',
          { class: notice.action ? 'btn btn-outline-primary' : 'btn btn-primary', href: notice.link.href },
          notice.link.text,
        ),
    ),
  );
}

const gate: Partial<Record<ErrorMessage['code'], { icon: IconName; title: Key; body: Key[] }>> = {
  'too-late': { icon: 'clock', title: 'room.gate.too-late.title', body: ['room.gate.too-late.body'] },
  cancelled: { icon: 'close', title: 'room.gate.cancelled.title', body: ['room.gate.cancelled.body'] },
  'token-unknown': { icon: 'warning', title: 'room.gate.unknown.title', body: ['room.gate.unknown.body'] },
  'token-damaged': { icon: 'warning', title: 'room.gate.damaged.title', body: ['room.gate.damaged.body'] },
  'room-full': { icon: 'people', title: 'room.gate.full.title', body: ['room.gate.full.body'] },
  version: { icon: 'warning', title: 'room.gate.version.title', body: ['room.gate.version.body'] },
};

/** gateNotice is the page for an error that ends the session before or in the room. */
export function gateNotice(error: ErrorMessage, places: Places, retry: () => void): Notice {
  if (error.code === 'too-early' && error.notBefore) {
    const at = new Date(error.notBefore);
    return {
      id: error.code,
      icon: 'clock',
      title: t('room.gate.too-early.title'),
      body: [t('room.gate.too-early.body', { Day: day(at), Time: clock(at) }), t('room.gate.too-early.auto')],
      link: { text: t('room.link.manage'), href: places.manage },
    };
  }
  const known = gate[error.code];
  const again = { text: t('room.action.retry'), run: retry };
  if (!known) {
    return {
      id: error.code,
      icon: 'warning',
      title: t('room.gate.other.title'),
      body: [error.message || t('room.gate.other.body')],
      action: again,
    };
  }
  const link = { text: t('room.link.manage'), href: places.manage };
  return {
    id: error.code,
    icon: known.icon,
    title: t(known.title),
    body: known.body.map((key) => t(key)),
    ...(error.code === 'version' || error.code === 'room-full' ? { action: again } : { link }),
  };
}

/** endNotice is the page after a session that somebody ended. */
export function endNotice(ended: Ended, role: string, places: Places, again: () => void): Notice {
  const home = { text: t('room.link.home'), href: places.home };
  const words = ended.text ? [t('room.end.clerkWrote', { Text: ended.text })] : [];
  switch (ended.reason) {
    case 'host':
      return {
        id: 'ended',
        icon: 'check',
        title: t('room.end.host.title'),
        body: [...words, t(role === 'citizen' ? 'room.end.host.citizen' : 'room.end.host.guest')],
        link: home,
      };
    case 'removed':
      return {
        id: 'removed',
        icon: 'leave',
        title: t('room.end.removed.title'),
        body: [...words, t('room.end.removed.body')],
        link: home,
      };
    case 'refused':
      return {
        id: 'refused',
        icon: 'leave',
        title: t('room.end.refused.title'),
        body: [...words, t('room.end.refused.body')],
        link: home,
      };
    case 'replaced':
      return {
        id: 'replaced',
        icon: 'flip',
        title: t('room.end.replaced.title'),
        body: [t('room.end.replaced.body')],
        action: { text: t('room.end.replaced.here'), run: again },
      };
    case 'cancelled':
      return cancelled(role, places);
    case 'expired':
    case 'shutdown':
      return {
        id: 'expired',
        icon: 'clock',
        title: t('room.end.expired.title'),
        body: [t('room.end.expired.body')],
        link: home,
      };
  }
}

/** cancelled tells each role what they can do now that the right to be here was taken back. */
function cancelled(role: string, places: Places): Notice {
  const page = { id: 'cancelled', icon: 'close', title: t('room.end.cancelled.title') } as const;
  switch (role) {
    case 'host':
      return {
        ...page,
        body: [t('room.end.cancelled.host')],
        link: { text: t('room.link.console'), href: places.console },
      };
    case 'citizen':
      return {
        ...page,
        body: [t('room.end.cancelled.citizen')],
        link: { text: t('room.link.home'), href: places.home },
      };
    default:
      return {
        ...page,
        title: t('room.end.cancelled.guestTitle'),
        body: [t('room.end.cancelled.guest')],
        link: { text: t('room.link.home'), href: places.home },
      };
  }
}
