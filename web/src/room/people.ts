// The people panel: who is here, and for the host who waits.

import type { DeviceState, LobbyEntry } from '../protocol.gen';
import { h, list, set, show, text, type Row } from './dom';
import { Figures } from './figures';
import { icon } from './icons';
import { clock, t } from './i18n';
import { initials } from './layout';
import { publishes, type Participant, type RoomState } from './state';

export interface PeopleOptions {
  readonly onAdmit: (session: string) => void;
  readonly onRefuse: (entry: LobbyEntry) => void;
  readonly onWrite: (entry: LobbyEntry) => void;
  readonly onRemove: (participant: Participant) => void;
  readonly onInterpret: (participant: Participant, on: boolean) => void;
}

export class PeoplePanel {
  readonly element: HTMLElement;
  private readonly lobby = h('section', { class: 'people-lobby', hidden: true });
  private readonly nobody = h('p', { class: 'panel-empty' }, t('room.host.nobody'));
  private readonly drawLobby: (x: readonly LobbyEntry[]) => void;
  private readonly drawPeople: (x: readonly Participant[]) => void;
  private readonly you = h('strong');
  private readonly figures = new Figures();
  private host = false;
  private connections: RoomState['connections'] = {};
  private interpreters: readonly string[] = [];

  private readonly o: PeopleOptions;

  constructor(o: PeopleOptions) {
    this.o = o;
    const waiting = h('ul', { class: 'person-list' });
    const here = h('ul', { class: 'person-list' });
    this.lobby.append(h('h3', {}, t('room.host.lobby')), this.nobody, waiting);
    this.drawLobby = list(
      waiting,
      (x) => x.session,
      (x) => this.waitingRow(x),
    );
    this.drawPeople = list(
      here,
      (x) => x.peer,
      (x) => this.personRow(x),
    );
    this.element = h(
      'div',
      { class: 'panel-body people', tabindex: -1 },
      this.lobby,
      h(
        'section',
        {},
        h('h3', {}, t('room.people.here')),
        h(
          'p',
          { class: 'person' },
          h('span', { class: 'avatar small', 'aria-hidden': 'true' }, icon('people')),
          h('span', {}, this.you),
        ),
        here,
        this.figures.element,
      ),
    );
  }

  focus(): void {
    this.element.focus();
  }

  update(state: RoomState): void {
    this.host = state.self.role === 'host';
    this.connections = state.connections;
    this.interpreters = state.interpreters;
    const own = t('room.people.you', { Name: state.self.name });
    text(this.you, state.interpreters.includes(state.self.peer) ? `${own} · ${t('room.tile.interpreter')}` : own);
    show(this.lobby, this.host);
    show(this.nobody, state.lobby.length === 0);
    const focused = this.element.contains(document.activeElement);
    this.drawLobby(state.lobby);
    this.drawPeople(state.participants);
    this.figures.update(state);
    // Who was let in or sent away takes the button along that had the focus.
    if (focused && !this.element.contains(document.activeElement)) this.focus();
  }

  private waitingRow(first: LobbyEntry): Row<LobbyEntry> {
    let entry = first;
    const name = h('strong');
    const detail = h('span', { class: 'person-meta' });
    const devices = h('span', { class: 'person-meta' });
    const element = h(
      'li',
      { class: 'person waiting', 'data-session': first.session },
      h('span', { class: 'avatar small', 'aria-hidden': 'true' }, initials(first.name)),
      h('div', { class: 'person-text' }, name, detail, devices),
      h(
        'div',
        { class: 'person-buttons' },
        h(
          'button',
          {
            type: 'button',
            class: 'btn btn-primary btn-sm',
            'data-action': 'admit',
            onclick: () => {
              this.o.onAdmit(entry.session);
            },
          },
          t('room.host.admit'),
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'btn btn-outline-primary btn-sm',
            'data-action': 'write',
            onclick: () => {
              this.o.onWrite(entry);
            },
          },
          t('room.host.write'),
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'btn btn-outline-primary btn-sm',
            'data-action': 'refuse',
            onclick: () => {
              this.o.onRefuse(entry);
            },
          },
          t('room.host.refuse'),
        ),
      ),
    );
    const update = (x: LobbyEntry): void => {
      entry = x;
      text(name, x.name);
      const state = !x.online ? t('room.host.offline') : x.away ? t('room.host.away') : '';
      text(
        detail,
        [t(`room.role.${x.role}`), t('room.host.since', { Time: clock(new Date(x.since)) }), state]
          .filter(Boolean)
          .join(' · '),
      );
      text(
        devices,
        `${t('room.device.camera')}: ${deviceWord(x.device.camera)} · ${t('room.device.microphone')}: ${deviceWord(x.device.microphone)}`,
      );
    };
    return { element, update };
  }

  private personRow(first: Participant): Row<Participant> {
    let person = first;
    const name = h('strong');
    const detail = h('span', { class: 'person-meta' });
    const remove = h(
      'button',
      {
        type: 'button',
        class: 'btn btn-outline-primary btn-sm',
        'data-action': 'remove',
        onclick: () => {
          this.o.onRemove(person);
        },
      },
      t('room.host.remove'),
    );
    const interpret = h(
      'button',
      {
        type: 'button',
        class: 'btn btn-outline-primary btn-sm',
        'data-action': 'interpret',
        onclick: () => {
          this.o.onInterpret(person, !this.interpreters.includes(person.peer));
        },
      },
      t('room.host.interpreter'),
    );
    const element = h(
      'li',
      { class: 'person', 'data-peer': first.peer },
      h('span', { class: 'avatar small', 'aria-hidden': 'true' }, initials(first.name)),
      h('div', { class: 'person-text' }, name, detail),
      h('div', { class: 'person-buttons' }, interpret, remove),
    );
    const update = (x: Participant): void => {
      person = x;
      text(name, x.name);
      const interprets = this.interpreters.includes(x.peer);
      const notes = [t(`room.role.${x.role}`)];
      if (interprets) notes.push(t('room.people.interpreter'));
      if (x.state === 'reconnecting') notes.push(t('room.tile.reconnecting'));
      const connection = this.connections[x.peer]?.level ?? 'good';
      if (connection !== 'good') notes.push(t(`room.people.${connection}`));
      if (!publishes(x, 'microphone')) notes.push(t('room.tile.muted'));
      if (publishes(x, 'screen')) notes.push(t('room.people.sharing'));
      text(detail, notes.join(' · '));
      show(remove, this.host && x.role !== 'host');
      show(interpret, this.host);
      set(interpret, { 'aria-pressed': String(interprets) });
    };
    return { element, update };
  }
}

const deviceWord = (state: DeviceState): string => t(`room.check.${state}`);
