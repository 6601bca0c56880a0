// The row of buttons under the stage.

import { h, set, show, text } from './dom';
import { icon, swap, type IconName } from './icons';
import { t, type Key } from './i18n';

export type Command =
  'microphone' | 'camera' | 'flip' | 'screen' | 'people' | 'chat' | 'text' | 'files' | 'settings' | 'leave';

interface Look {
  readonly icon: IconName;
  readonly off?: IconName;
  readonly label: Key;
  readonly key?: string; // with Alt and Shift, so that no single letter is taken from anybody
}

const looks: Record<Command, Look> = {
  microphone: { icon: 'mic', off: 'micOff', label: 'room.control.microphone', key: 'M' },
  camera: { icon: 'camera', off: 'cameraOff', label: 'room.control.camera', key: 'V' },
  flip: { icon: 'flip', label: 'room.control.flip' },
  screen: { icon: 'screen', label: 'room.control.screen', key: 'S' },
  people: { icon: 'people', label: 'room.control.people', key: 'P' },
  chat: { icon: 'chat', label: 'room.control.chat', key: 'C' },
  text: { icon: 'text', label: 'room.control.text', key: 'T' },
  files: { icon: 'file', label: 'room.control.files', key: 'F' },
  settings: { icon: 'settings', label: 'room.control.settings' },
  leave: { icon: 'leave', label: 'room.control.leave' },
};

const commands = Object.keys(looks) as Command[];

export class Controls {
  readonly element: HTMLElement;
  private readonly buttons: Record<Command, HTMLButtonElement>;
  private readonly keys: (event: KeyboardEvent) => void;

  constructor(run: (command: Command) => void) {
    const make = (command: Command): HTMLButtonElement => {
      const look = looks[command];
      const shortcut = look.key ? ` (${t('room.control.keys', { Key: look.key })})` : '';
      return h(
        'button',
        {
          type: 'button',
          class: command === 'leave' ? 'control hang-up' : 'control',
          'data-command': command,
          title: t(look.label) + shortcut,
          'aria-keyshortcuts': look.key ? `Alt+Shift+${look.key}` : null,
          onclick: () => {
            run(command);
          },
        },
        h('span', { class: 'control-icon' }, icon(look.icon)),
        h('span', { class: 'control-label' }, t(look.label)),
        h('span', { class: 'badge-count', hidden: true }),
      );
    };
    this.buttons = Object.fromEntries(commands.map((c) => [c, make(c)])) as Record<Command, HTMLButtonElement>;
    this.element = h(
      'div',
      { class: 'controls', role: 'toolbar', 'aria-label': t('room.control.bar') },
      ...Object.values(this.buttons),
    );
    this.keys = (event) => {
      if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]'))
        return;
      const command = commands.find((c) => looks[c].key && event.code === `Key${looks[c].key}`);
      if (!command) return;
      event.preventDefault();
      if (!event.repeat) run(command);
    };
    addEventListener('keydown', this.keys);
  }

  /** toggle shows whether something is on. */
  toggle(command: Command, on: boolean): void {
    const button = this.buttons[command];
    const look = looks[command];
    set(button, { 'aria-pressed': on ? 'true' : 'false' });
    if (look.off) {
      button.classList.toggle('off', !on);
      swap(button, on ? look.icon : look.off);
    } else button.classList.toggle('on', on);
  }

  expanded(command: Command, open: boolean): void {
    set(this.buttons[command], { 'aria-expanded': open ? 'true' : 'false' });
    this.buttons[command].classList.toggle('on', open);
  }

  label(command: Command, label: string): void {
    const span = this.buttons[command].querySelector<HTMLElement>('.control-label');
    if (span) text(span, label);
    set(this.buttons[command], { title: label });
  }

  visible(command: Command, visible: boolean): void {
    show(this.buttons[command], visible);
  }

  /** count shows how much is new behind a button. */
  count(command: Command, n: number): void {
    const badge = this.buttons[command].querySelector<HTMLElement>('.badge-count');
    if (!badge) return;
    show(badge, n > 0);
    badge.replaceChildren(
      ...(n > 0 ? [String(n), h('span', { class: 'visually-hidden' }, ` ${t('room.control.new')}`)] : []),
    );
  }

  focus(command: Command): void {
    this.buttons[command].focus();
  }

  close(): void {
    removeEventListener('keydown', this.keys);
  }
}
