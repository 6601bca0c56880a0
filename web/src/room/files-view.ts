// The files panel: what one offers and what is offered, with progress, the
// fingerprint on both sides, and always a way to say no.

import { h, list, set, show, text, type Row } from './dom';
import type { Delivery, Files, Incoming, Outgoing } from './files';
import { icon } from './icons';
import { bytes, t } from './i18n';

const DRAW_EVERY = 250; // ms

export interface FilesViewOptions {
  readonly files: Files;
  readonly limit: () => number; // bytes
  readonly onPick: (file: File) => void;
  readonly nameOf: (peer: string) => string;
}

export class FilesPanel {
  readonly element: HTMLElement;
  private readonly input = h('input', { type: 'file', id: 'file-pick', class: 'visually-hidden', multiple: true });
  private readonly limit = h('p', { class: 'hint' });
  private readonly error = h('p', { class: 'panel-error', role: 'alert' });
  private readonly empty = h('p', { class: 'panel-empty' }, t('room.files.empty'));
  private readonly drawIn: (items: readonly Incoming[]) => void;
  private readonly drawOut: (items: readonly Outgoing[]) => void;
  private waiting = false;
  private drawn = -Infinity; // when

  private readonly o: FilesViewOptions;

  constructor(o: FilesViewOptions) {
    this.o = o;
    const received = h('ul', { class: 'file-list', 'aria-label': t('room.files.received') });
    const sent = h('ul', { class: 'file-list', 'aria-label': t('room.files.sent') });
    this.drawIn = list(
      received,
      (x) => x.file.id,
      (x) => this.incomingRow(x),
    );
    this.drawOut = list(
      sent,
      (x) => x.file.id,
      (x) => this.outgoingRow(x),
    );
    this.input.addEventListener('change', () => {
      this.problem('');
      for (const file of this.input.files ?? []) o.onPick(file);
      this.input.value = '';
    });
    this.element = h(
      'div',
      { class: 'panel-body files' },
      h(
        'div',
        { class: 'file-new' },
        this.input,
        h('label', { for: 'file-pick', class: 'btn btn-primary' }, icon('file'), t('room.files.pick')),
        this.limit,
        this.error,
      ),
      h('div', { class: 'file-scroll' }, this.empty, received, sent),
    );
  }

  focus(): void {
    this.input.focus();
  }

  problem(line: string): void {
    text(this.error, line);
  }

  /**
   * update draws soon, and then not again for a while: progress comes with every
   * chunk, and to draw it in each frame takes more of a small machine than to
   * receive the file.
   */
  update(): void {
    if (this.waiting) return;
    this.waiting = true;
    const due = this.drawn + DRAW_EVERY - performance.now();
    setTimeout(
      () =>
        requestAnimationFrame((now) => {
          this.waiting = false;
          this.drawn = now;
          this.draw();
        }),
      Math.max(0, due),
    );
  }

  private draw(): void {
    const { files } = this.o;
    text(this.limit, t('room.files.limit', { Size: bytes(this.o.limit()) }));
    show(this.empty, files.incoming.size + files.outgoing.size === 0);
    this.drawIn([...files.incoming.values()]);
    this.drawOut([...files.outgoing.values()]);
  }

  private incomingRow(first: Incoming): Row<Incoming> {
    const { files, nameOf } = this.o;
    const id = first.file.id;
    const card = new FileCard(
      first.file.name,
      bytes(first.file.size),
      t('room.files.from', { Name: nameOf(first.file.peer) }),
    );
    const accept = h('button', {
      type: 'button',
      class: 'btn btn-primary btn-sm',
      'data-action': 'accept',
      onclick: () => {
        files.accept(id);
      },
    });
    const cancel = h(
      'button',
      {
        type: 'button',
        class: 'btn btn-outline-primary btn-sm',
        onclick: () => {
          files.cancel(id);
        },
      },
      t('room.files.cancel'),
    );
    const save = h(
      'a',
      { class: 'btn btn-primary btn-sm', download: first.file.name, hidden: true },
      icon('download'),
      t('room.files.save'),
    );
    card.buttons.append(accept, cancel, save);
    const update = (x: Incoming): void => {
      const label =
        x.status === 'offered'
          ? 'room.files.accept'
          : x.received > 0 && x.status !== 'damaged'
            ? 'room.files.resume'
            : 'room.files.again';
      text(accept, t(label));
      show(accept, ['offered', 'interrupted', 'cancelled', 'damaged'].includes(x.status));
      show(cancel, ['waiting', 'receiving', 'interrupted'].includes(x.status));
      show(save, x.status === 'done');
      if (x.url && save.href !== x.url) save.href = x.url;
      card.progress(x.received, x.file.size, ['waiting', 'receiving', 'interrupted'].includes(x.status));
      card.status(t(`room.files.in.${x.status}`), x.status);
      card.sum(x.sha256);
    };
    return { element: card.element, update };
  }

  private outgoingRow(first: Outgoing): Row<Outgoing> {
    const { files, nameOf } = this.o;
    const card = new FileCard(first.file.name, bytes(first.file.size), t('room.files.byYou'));
    const withdraw = h(
      'button',
      {
        type: 'button',
        class: 'btn btn-outline-primary btn-sm',
        onclick: () => {
          files.withdraw(first.file.id);
        },
      },
      t('room.files.withdraw'),
    );
    card.buttons.append(withdraw);
    const update = (x: Outgoing): void => {
      const last: Delivery | undefined = x.deliveries.findLast((d) => d.status === 'sending') ?? x.deliveries.at(-1);
      card.progress(last?.sent ?? 0, x.file.size, last?.status === 'sending' || last?.status === 'interrupted');
      card.status(
        x.deliveries.length === 0
          ? t('room.files.out.offered')
          : x.deliveries.map((d) => t(`room.files.out.${d.status}`, { Name: nameOf(d.peer) })).join(' '),
        last?.status ?? 'offered',
      );
      const theirs = last?.sha256 ?? '';
      card.sum(theirs === '' ? x.sha256 : theirs);
    };
    return { element: card.element, update };
  }
}

class FileCard {
  readonly element: HTMLLIElement;
  readonly buttons = h('div', { class: 'file-buttons' });
  private readonly bar: HTMLProgressElement;
  private readonly line = h('p', { class: 'file-status' });
  private readonly code = h('code');
  private readonly hash = h(
    'p',
    { class: 'file-hash', hidden: true },
    h('span', {}, `${t('room.files.fingerprint')} `),
    this.code,
  );

  constructor(name: string, size: string, origin: string) {
    this.bar = h('progress', { class: 'file-bar', max: 100, 'aria-label': t('room.files.progress', { Name: name }) });
    this.element = h(
      'li',
      { class: 'file-card' },
      h(
        'div',
        { class: 'file-head' },
        icon('document'),
        h(
          'div',
          {},
          h('strong', { class: 'file-name' }, name),
          h('span', { class: 'file-meta' }, `${size} · ${origin}`),
        ),
      ),
      this.bar,
      this.line,
      this.hash,
      this.buttons,
    );
  }

  progress(done: number, total: number, visible: boolean): void {
    this.bar.value = total > 0 ? Math.floor((done / total) * 100) : 0;
    show(this.bar, visible);
  }

  status(line: string, state: string): void {
    text(this.line, line);
    if (this.element.dataset.status !== state) set(this.element, { 'data-status': state });
  }

  sum(sha256: string): void {
    show(this.hash, sha256 !== '');
    text(this.code, sha256);
  }
}
