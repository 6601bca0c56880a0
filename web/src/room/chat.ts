// The chat panel: a log that screen readers follow, and one line to write in.

import { h, list, set, text } from './dom';
import { icon } from './icons';
import { clock, t } from './i18n';
import type { ChatLine, RoomState } from './state';

export interface ChatOptions {
  readonly onSend: (text: string) => void;
  readonly limit: () => number; // characters
}

export class ChatPanel {
  readonly element: HTMLElement;
  private readonly log = h('div', { class: 'chat-log', role: 'log', 'aria-label': t('room.chat.title'), tabindex: 0 });
  private readonly empty = h('p', { class: 'panel-empty' }, t('room.chat.empty'));
  private readonly input = h('textarea', {
    id: 'chat-text',
    class: 'field',
    rows: 2,
    placeholder: t('room.chat.placeholder'),
  });
  private readonly draw: (lines: readonly ChatLine[]) => void;
  private self = '';

  private readonly o: ChatOptions;

  constructor(o: ChatOptions) {
    this.o = o;
    const lines = h('div', { class: 'chat-lines' });
    this.log.append(this.empty, lines);
    this.draw = list(
      lines,
      (c) => c.id,
      (c) => this.row(c),
    );
    const form = h(
      'form',
      {
        class: 'chat-form',
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          this.submit();
        },
      },
      h('label', { for: 'chat-text', class: 'visually-hidden' }, t('room.chat.label')),
      this.input,
      h('button', { type: 'submit', class: 'round send', 'aria-label': t('room.chat.send') }, icon('send')),
    );
    this.input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
    this.element = h('div', { class: 'panel-body chat' }, this.log, form);
  }

  focus(): void {
    this.input.focus();
  }

  update(state: RoomState): void {
    this.self = state.self.peer;
    this.empty.hidden = state.chat.length > 0;
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    this.draw(state.chat);
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  private submit(): void {
    const line = Array.from(this.input.value.trim()).slice(0, this.o.limit()).join('');
    if (!line) return;
    this.o.onSend(line);
    this.input.value = '';
  }

  private row(first: ChatLine): { element: HTMLElement; update: (c: ChatLine) => void } {
    const when = h('span', { class: 'chat-when' });
    const element = h(
      'div',
      { class: 'chat-line' },
      h('div', { class: 'chat-head' }, h('strong', {}, first.name), when),
      h('p', {}, first.text),
    );
    const update = (c: ChatLine): void => {
      text(when, c.pending ? t('room.chat.sending') : clock(new Date(c.at)));
      set(element, { class: `chat-line ${c.peer === this.self ? 'own' : ''}` });
    };
    return { element, update };
  }
}
