// The connection in figures, for who is helped on the telephone and for who
// helps: what comes from each person and what one's own page sends.

import type { SendStatistics, SlotStatistics, Statistics } from '../protocol.gen';
import { h, show, text } from './dom';
import { t } from './i18n';
import type { RoomState } from './state';

/** lines says in words what the server measured. */
export function lines(statistics: Statistics, state: Pick<RoomState, 'slots' | 'participants'>): string[] {
  const all = [
    statistics.rtt > 0 ? t('room.figures.trip', { Time: statistics.rtt }) : '',
    statistics.estimate > 0 ? t('room.figures.room', { Rate: kilobits(statistics.estimate) }) : '',
  ];
  for (const person of state.participants) {
    const own = statistics.slots.filter((x) => state.slots[x.slot] === person.peer);
    if (own.length > 0) all.push(`${person.name}: ${own.map(received).join('; ')}`);
  }
  if (statistics.sends.length > 0) all.push(t('room.figures.sent', { What: statistics.sends.map(stream).join('; ') }));
  return all.filter(Boolean);
}

function received(x: SlotStatistics): string {
  return x.freezes > 0 ? `${stream(x)}, ${t('room.figures.freezes', { Count: x.freezes })}` : stream(x);
}

function stream(x: SlotStatistics | SendStatistics): string {
  const what = x.source === 'camera' ? (`camera.${x.layer === 'low' ? 'low' : 'high'}` as const) : x.source;
  return what === 'text'
    ? ''
    : t(`room.figures.${what}`, { Rate: kilobits(x.bitrate), Lost: Math.round(100 * x.loss) });
}

const kilobits = (bits: number): number => Math.round(bits / 1000);

export class Figures {
  readonly element: HTMLDetailsElement;
  private readonly list = h('ul', { class: 'person-meta' });
  private state: RoomState | null = null;

  constructor() {
    this.element = h(
      'details',
      {
        class: 'figures',
        hidden: true,
        ontoggle: () => {
          this.draw();
        },
      },
      h('summary', {}, t('room.figures.title')),
      this.list,
    );
  }

  update(state: RoomState): void {
    this.state = state;
    show(this.element, state.statistics !== null);
    this.draw();
  }

  private draw(): void {
    const { state } = this;
    if (!this.element.open || !state?.statistics) return;
    const now = lines(state.statistics, state);
    while (this.list.children.length > now.length) this.list.lastElementChild?.remove();
    now.forEach((line, i) => {
      const row = this.list.children[i] ?? this.list.appendChild(h('li'));
      text(row, line);
    });
  }
}
