// The device preview: how one looks and sounds, before anybody else does.

import type { Devices, Condition, Kind } from './devices';
import { Meter } from './devices';
import { append, h, set, show, text } from './dom';
import { icon, swap } from './icons';
import { t, type Key } from './i18n';

/** Video that follows the camera's track; used by preview and lobby alike. */
export class SelfView {
  readonly video = h('video', { autoplay: true, playsinline: true, muted: true, class: 'self-video' });
  readonly empty = h('div', { class: 'self-empty' }, icon('cameraOff'), h('span', {}, t('room.preview.cameraOff')));
  readonly element = h('div', { class: 'self-view' }, this.video, this.empty);

  private readonly devices: Devices;

  constructor(devices: Devices) {
    this.devices = devices;
    this.video.muted = true; // the attribute alone does not mute an element made by script
  }

  update(): void {
    const track = this.devices.tracks.camera;
    const shown = this.video.srcObject instanceof MediaStream ? this.video.srcObject.getVideoTracks()[0] : undefined;
    if (track && shown !== track) {
      this.video.srcObject = new MediaStream([track]);
      void this.video.play().catch(() => undefined);
    } else if (!track) this.video.srcObject = null;
    this.video.classList.toggle('mirrored', this.devices.mirrored);
    show(this.video, track !== null);
    show(this.empty, track === null);
  }
}

/** conditionText is the friendly word for a device that does not work; "" when it does. */
export function conditionText(kind: Kind, condition: Condition): string {
  if (condition === 'ok' || condition === 'unknown') return '';
  const key: Key = `room.device.${kind}.${condition}`;
  return t(key);
}

export interface PreviewOptions {
  readonly devices: Devices;
  readonly title: string;
  readonly onEnter: () => void;
}

export class Preview {
  readonly element: HTMLElement;
  private readonly self: SelfView;
  private readonly toggles: Record<Kind, HTMLButtonElement>;
  private readonly notes: Record<Kind, HTMLElement>;
  private readonly choices: Record<Kind, HTMLSelectElement>;
  private readonly level = h('div', { class: 'meter-fill' });
  private readonly scale = h('div', { class: 'meter', 'aria-hidden': 'true' }, this.level);
  private readonly heard = h('p', { class: 'hint', role: 'status' });
  private readonly enter: HTMLButtonElement;
  private meter: { track: MediaStreamTrack; meter: Meter } | null = null;

  private readonly o: PreviewOptions;

  constructor(o: PreviewOptions) {
    this.o = o;
    this.self = new SelfView(o.devices);
    this.toggles = { microphone: this.toggle('microphone'), camera: this.toggle('camera') };
    this.notes = { microphone: h('p', { class: 'device-note' }), camera: h('p', { class: 'device-note' }) };
    this.choices = { microphone: this.select('microphone'), camera: this.select('camera') };
    this.enter = h(
      'button',
      { type: 'button', class: 'btn btn-primary btn-lg', 'data-action': 'enter', onclick: o.onEnter },
      t('room.preview.enter'),
    );
    append(this.self.element, [h('div', { class: 'self-buttons' }, this.toggles.microphone, this.toggles.camera)]);
    const heading = h('h1', { tabindex: -1 }, o.title);
    this.element = h(
      'section',
      { class: 'card-page preview', 'data-view': 'preview' },
      h('div', { class: 'preview-picture' }, this.self.element),
      h(
        'div',
        { class: 'preview-form' },
        heading,
        h('p', {}, t('room.preview.lead')),
        this.field('microphone'),
        this.scale,
        this.heard,
        this.field('camera'),
        h('p', { class: 'hint' }, t('room.preview.without')),
        h('div', { class: 'page-buttons' }, this.enter),
      ),
    );
  }

  /** update shows the devices as they are now. */
  update(): void {
    const { devices } = this.o;
    this.self.update();
    for (const kind of ['microphone', 'camera'] as const) {
      const on = devices.tracks[kind] !== null;
      const button = this.toggles[kind];
      swap(button, kind === 'camera' ? (on ? 'camera' : 'cameraOff') : on ? 'mic' : 'micOff');
      set(button, { 'aria-pressed': on ? 'true' : 'false', class: `round ${on ? '' : 'off'}` });
      const note = conditionText(kind, devices.condition[kind]);
      text(this.notes[kind], note);
      show(this.notes[kind], note !== '');
    }
    void this.fillChoices();
    this.measure();
  }

  close(): void {
    this.meter?.meter.close();
    this.meter = null;
  }

  private measure(): void {
    const track = this.o.devices.tracks.microphone;
    if (this.meter?.track === track) return;
    this.close();
    text(this.heard, '');
    this.level.style.transform = 'scaleX(0)';
    show(this.scale, track !== null);
    if (!track) return;
    const meter = new Meter(track, (level) => {
      this.level.style.transform = `scaleX(${level.toFixed(2)})`;
      if (level > 0.35) text(this.heard, t('room.preview.heard'));
    });
    this.meter = { track, meter };
  }

  private toggle(kind: Kind): HTMLButtonElement {
    const press = (): void => {
      const { devices } = this.o;
      if (devices.tracks[kind]) devices.off(kind);
      else void devices.open(kind);
    };
    return h(
      'button',
      { type: 'button', class: 'round', onclick: press, 'aria-label': t(`room.control.${kind}`) },
      icon(kind === 'camera' ? 'camera' : 'mic'),
    );
  }

  private select(kind: Kind): HTMLSelectElement {
    const choose = (event: Event): void => {
      if (event.target instanceof HTMLSelectElement) void this.o.devices.choose(kind, event.target.value);
    };
    return h('select', { id: `choose-${kind}`, class: 'field', onchange: choose });
  }

  private field(kind: Kind): HTMLElement {
    return h(
      'div',
      { class: 'device' },
      h('label', { for: `choose-${kind}` }, t(`room.device.${kind}`)),
      this.choices[kind],
      this.notes[kind],
    );
  }

  private async fillChoices(): Promise<void> {
    const found = await this.o.devices.list();
    for (const kind of ['microphone', 'camera'] as const)
      fillSelect(this.choices[kind], kind, found[kind], this.o.devices.current(kind));
  }
}

/** fillSelect lists devices without disturbing a list that is unchanged. */
export function fillSelect(
  select: HTMLSelectElement,
  kind: Kind,
  devices: readonly { id: string; label: string }[],
  current: string,
): void {
  const wanted = devices.map((d, i) => ({
    id: d.id,
    label: d.label || t('room.device.numbered', { Name: t(`room.device.${kind}`), Number: i + 1 }),
  }));
  const have = [...select.options].map((o) => `${o.value}|${o.text}`).join();
  if (have !== wanted.map((d) => `${d.id}|${d.label}`).join()) {
    select.replaceChildren(...wanted.map((d) => h('option', { value: d.id }, d.label)));
  }
  show(select, wanted.length > 0);
  if (current) select.value = current;
}
