// The lobby: one's place in the queue, what the clerk writes, and stepping
// away without losing the place.

import type { LobbyNotice, Waiting } from '../protocol.gen';
import type { Devices } from './devices';
import { h, set, show, text } from './dom';
import { icon } from './icons';
import { clock, t } from './i18n';
import { SelfView } from './preview';

export interface LobbyOptions {
  readonly devices: Devices;
  readonly onAway: (away: boolean) => void;
  readonly onLeave: () => void;
}

export class LobbyView {
  readonly element: HTMLElement;
  private readonly self: SelfView;
  private readonly heading = h('h1', { tabindex: -1 }, t('room.lobby.title'));
  private readonly about = h('p', { class: 'lead-room' });
  private readonly place = h('p', { class: 'lobby-place', role: 'status' });
  private readonly host = h('p', { class: 'lobby-host', role: 'status' });
  private readonly link = h('p', { class: 'banner', role: 'status', hidden: true });
  private readonly messages = h('div', {
    class: 'lobby-messages',
    role: 'log',
    'aria-label': t('room.lobby.messages'),
  });
  private readonly awayButton: HTMLButtonElement;
  private away = false;

  private readonly o: LobbyOptions;

  constructor(o: LobbyOptions) {
    this.o = o;
    this.self = new SelfView(o.devices);
    this.awayButton = h('button', {
      type: 'button',
      class: 'btn btn-outline-primary',
      onclick: () => {
        this.toggleAway();
      },
    });
    this.element = h(
      'section',
      { class: 'card-page lobby', 'data-view': 'lobby' },
      h('div', { class: 'preview-picture' }, this.self.element),
      h(
        'div',
        { class: 'preview-form' },
        this.heading,
        this.about,
        h('div', { class: 'lobby-state' }, icon('clock'), h('div', {}, this.place, this.host)),
        this.link,
        this.messages,
        h('p', { class: 'hint' }, t('room.lobby.hint')),
        h(
          'div',
          { class: 'page-buttons' },
          this.awayButton,
          h('button', { type: 'button', class: 'btn btn-link', onclick: o.onLeave }, t('room.lobby.leave')),
        ),
      ),
    );
    this.showAway();
    this.devicesChanged();
  }

  focus(): void {
    this.heading.focus();
  }

  update(message: Waiting): void {
    const starts = new Date(message.room.startsAt);
    text(
      this.about,
      t('room.lobby.about', {
        Name: message.name,
        Service: message.room.service,
        Office: message.room.office,
        Time: clock(starts),
      }),
    );
    text(this.place, placeText(message));
    text(this.host, t(message.hostPresent ? 'room.lobby.hostHere' : 'room.lobby.hostAway'));
    this.host.classList.toggle('present', message.hostPresent);
  }

  notice(message: LobbyNotice): void {
    this.messages.append(
      h(
        'p',
        { class: 'lobby-message' },
        h('strong', {}, t('room.lobby.from', { Name: message.from, Time: clock(new Date(message.at)) })),
        h('span', {}, message.text),
      ),
    );
  }

  online(on: boolean): void {
    text(this.link, on ? '' : t('room.banner.reconnecting'));
    show(this.link, !on);
  }

  devicesChanged(): void {
    this.self.update();
  }

  private toggleAway(): void {
    this.away = !this.away;
    this.o.onAway(this.away);
    this.showAway();
  }

  /** resend says again that one is away, after the link came back. */
  get isAway(): boolean {
    return this.away;
  }

  private showAway(): void {
    text(this.awayButton, t(this.away ? 'room.lobby.back' : 'room.lobby.away'));
    set(this.awayButton, { 'aria-pressed': this.away ? 'true' : 'false' });
    this.element.classList.toggle('is-away', this.away);
  }
}

const LONGEST = 180; // minutes

function placeText(message: Waiting): string {
  const place = message.position <= 1 ? t('room.lobby.next') : t('room.lobby.position', { Position: message.position });
  const minutes = Math.round(message.expectedWait / 60);
  // Hours ahead nothing useful can be said.
  return minutes > 0 && minutes <= LONGEST ? `${place} ${t('room.lobby.wait', { Count: minutes })}` : place;
}
