// The panel of real-time text: lines grow as they are typed, finished ones
// stand above in a log. Screen readers hear finished lines only: letter by
// letter nobody could follow.

import { h, list, set, show, text, type Row } from './dom';
import { icon } from './icons';
import { clock, t } from './i18n';
import type { RealTimeText, TextLine, Typing } from './text';

export interface TextOptions {
  readonly text: RealTimeText;
  readonly self: () => string;
  /** Somebody else has text switched on; their names, for the invitation. */
  readonly inviting: () => readonly string[];
}

export class TextPanel {
  readonly element: HTMLElement;
  /** The large view, over the stage; it doubles the panel, so it is for the eye only. */
  readonly captions = h('div', { class: 'captions', 'aria-hidden': 'true', hidden: true });
  private readonly log = h('div', { class: 'chat-log', role: 'log', 'aria-label': t('room.text.log'), tabindex: 0 });
  private readonly typing = h('div', { class: 'chat-lines text-typing', 'aria-live': 'off' });
  private readonly intro = h('p', { class: 'panel-empty' });
  private readonly input = h('textarea', {
    id: 'text-line',
    class: 'field',
    rows: 2,
    placeholder: t('room.text.placeholder'),
    autocomplete: 'off',
    'aria-describedby': 'text-hint',
  });
  private readonly form: HTMLElement;
  private readonly onOff = h('button', { type: 'button', class: 'btn btn-sm', 'data-action': 'text' });
  private readonly large = h(
    'button',
    { type: 'button', class: 'btn btn-sm btn-outline-primary', 'data-action': 'large', 'aria-pressed': 'false' },
    t('room.text.large'),
  );
  private readonly drawLines: (lines: readonly TextLine[]) => void;
  private readonly drawTyping: (lines: readonly Typing[]) => void;
  private readonly drawCaptions: (lines: readonly (Typing & { key: string })[]) => void;
  private isLarge = false;

  private readonly o: TextOptions;

  constructor(o: TextOptions) {
    this.o = o;
    const lines = h('div', { class: 'chat-lines' });
    this.log.append(this.intro, lines);
    this.drawLines = list(
      lines,
      (l) => l.key,
      (l) => this.row(l, clock(l.at)),
    );
    this.drawTyping = list(
      this.typing,
      (l) => l.peer,
      (l) => this.row(l, t('room.text.typing')),
    );
    this.drawCaptions = list(
      this.captions,
      (l) => l.key,
      (l) => caption(l.name),
    );
    this.onOff.addEventListener('click', () => {
      this.o.text.switch(!this.o.text.on);
      if (this.o.text.on) this.input.focus();
    });
    this.large.addEventListener('click', () => {
      this.isLarge = !this.isLarge;
      set(this.large, {
        'aria-pressed': this.isLarge ? 'true' : 'false',
        class: this.isLarge ? 'btn btn-sm btn-primary' : 'btn btn-sm btn-outline-primary',
      });
      this.element.classList.toggle('large', this.isLarge);
      this.update();
    });
    this.input.addEventListener('input', () => {
      this.typed();
    });
    this.form = h(
      'form',
      {
        class: 'chat-form',
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          this.endLine();
          this.input.focus();
        },
      },
      h('label', { for: 'text-line', class: 'visually-hidden' }, t('room.text.label')),
      this.input,
      h('button', { type: 'submit', class: 'round send', 'aria-label': t('room.text.end') }, icon('enter')),
    );
    this.element = h(
      'div',
      { class: 'panel-body chat text-panel' },
      h('div', { class: 'text-buttons' }, this.onOff, this.large),
      this.log,
      this.typing,
      this.form,
      h('p', { class: 'hint', id: 'text-hint' }, t('room.text.hint')),
    );
    this.update();
  }

  focus(): void {
    if (this.o.text.on) this.input.focus();
    else this.onOff.focus();
  }

  update(): void {
    const { text: rtt } = this.o;
    set(this.onOff, {
      class: rtt.on ? 'btn btn-sm btn-outline-primary' : 'btn btn-sm btn-primary',
    });
    text(this.onOff, t(rtt.on ? 'room.text.off' : 'room.text.on'));
    show(this.form, rtt.on);
    const names = this.o.inviting();
    show(this.intro, rtt.lines.length === 0 && rtt.typing.length === 0);
    text(this.intro, names.length > 0 ? t('room.text.invitation', { Names: names.join(', ') }) : t('room.text.intro'));
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    this.drawLines(rtt.lines);
    this.drawTyping(rtt.typing);
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    this.typing.scrollTop = this.typing.scrollHeight;
    // The last words of each are what is being talked about.
    const recent = [...rtt.lines.slice(-2), ...rtt.typing.map((l) => ({ ...l, key: `typing ${l.peer}` }))].slice(-3);
    show(this.captions, this.isLarge && recent.length > 0);
    this.drawCaptions(this.isLarge ? recent : []);
  }

  /** typed passes the field's text on; each end of a line in it, typed or pasted, finishes one. */
  private typed(): void {
    const lines = this.input.value.split(/\r\n|\r|\n/);
    const last = lines.pop() ?? '';
    for (const line of lines) {
      this.o.text.type(line);
      this.endLine();
    }
    if (lines.length > 0) this.input.value = last;
    this.o.text.type(last);
  }

  private endLine(): void {
    this.o.text.finish();
    this.input.value = '';
  }

  private row<L extends Typing>(first: L, when: string): Row<L> {
    const words = h('p', { dir: 'auto' });
    const element = h(
      'div',
      { class: `chat-line ${first.peer === this.o.self() ? 'own' : ''}` },
      h('div', { class: 'chat-head' }, h('strong', {}, first.name), h('span', { class: 'chat-when' }, when)),
      words,
    );
    return {
      element,
      update: (l) => {
        text(words, l.text);
      },
    };
  }
}

function caption(name: string): Row<Typing> {
  const words = h('bdi');
  return {
    element: h('p', {}, h('strong', {}, `${name}: `), words),
    update: (l) => {
      text(words, l.text.slice(-240)); // what does not fit is in the panel
    },
  };
}
