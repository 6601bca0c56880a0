// The stage: who is seen where. A shared screen gets the middle; cameras stand
// beside it. The page shows what signalling says is on and hides the last
// frame of what is off, because a track's mute event never comes.

import type { ConnectionLevel, Quality } from '../protocol.gen';
import type { Devices } from './devices';
import { h, list, set, show, text, type Row } from './dom';
import { icon } from './icons';
import { t } from './i18n';
import { columns, initials, quality } from './layout';
import type { Slot } from './peer';
import { publishes, type Participant, type RoomState } from './state';

interface CameraTile {
  readonly key: string;
  readonly name: string;
  readonly participant: Participant | null; // null is oneself
  readonly slot: number;
  readonly speaking: boolean;
  readonly interprets: boolean;
  readonly paused: boolean; // there is no room for the picture on one's own link
  readonly weak: 'weak' | 'bad' | null; // how it comes from them, to all
}

interface ScreenTile {
  readonly key: string;
  readonly name: string;
  readonly slot: number;
  readonly paused: boolean;
}

export interface StageOptions {
  readonly devices: Devices;
  readonly onView: (slot: number, quality: Quality) => void;
  /** The browser does not let sound play before a gesture. */
  readonly onSilenced: () => void;
}

export class Stage {
  readonly element: HTMLElement;
  private readonly screens = h('div', { class: 'screens' });
  private readonly cameras = h('div', { class: 'cameras' });
  private readonly alone = h('div', { class: 'alone', hidden: true }, h('p', {}, t('room.stage.alone')));
  private readonly sounds = h('div', { hidden: true });
  private readonly drawCameras: (tiles: readonly CameraTile[]) => void;
  private readonly drawScreens: (tiles: readonly ScreenTile[]) => void;
  private slots: readonly Slot[] = [];
  private audio: HTMLAudioElement[] = [];
  private state: RoomState | null = null;
  private micOn = false;
  private readonly resize: ResizeObserver;
  private readonly visible = (): void => {
    this.arrange();
  };

  private readonly o: StageOptions;

  constructor(o: StageOptions) {
    this.o = o;
    this.element = h(
      'div',
      { class: 'stage', role: 'region', 'aria-label': t('room.stage.label') },
      this.alone,
      this.screens,
      this.cameras,
      this.sounds,
    );
    this.drawCameras = list(
      this.cameras,
      (x) => x.key,
      (x) => this.cameraRow(x),
    );
    this.drawScreens = list(
      this.screens,
      (x) => x.key,
      (x) => this.screenRow(x),
    );
    this.resize = new ResizeObserver(() => {
      this.arrange();
    });
    this.resize.observe(this.element);
    document.addEventListener('visibilitychange', this.visible);
  }

  /** attach plays the sound of every slot; an idle slot is silent. */
  attach(slots: readonly Slot[]): void {
    for (const element of this.audio) element.srcObject = null;
    this.slots = slots;
    this.audio = slots.flatMap((slot) => [this.player(slot.audio), this.player(slot.screenAudio)]);
    this.sounds.replaceChildren(...this.audio);
    if (this.state) this.update(this.state, this.micOn);
  }

  /** unmute plays all sound again, after a gesture. */
  async unmute(): Promise<void> {
    await Promise.all(this.audio.map((a) => a.play()));
  }

  async speaker(id: string): Promise<void> {
    if (!('setSinkId' in HTMLMediaElement.prototype)) return; // the button is not shown then
    await Promise.all(this.audio.map((a) => a.setSinkId(id)));
  }

  update(state: RoomState, micOn: boolean): void {
    this.state = state;
    this.micOn = micOn;
    const slotOf = (peer: string): number => state.slots.indexOf(peer);
    const tiles: CameraTile[] = state.participants.map((p) => ({
      key: p.peer,
      name: p.name,
      participant: p,
      slot: slotOf(p.peer),
      speaking: state.speaking.includes(p.peer),
      interprets: state.interpreters.includes(p.peer),
      paused: state.paused.cameras.includes(slotOf(p.peer)),
      weak: unsteady(state.connections[p.peer]?.sending),
    }));
    tiles.push({
      key: 'self',
      name: state.self.name,
      participant: null,
      slot: -1,
      speaking: micOn && state.speaking.includes(state.self.peer),
      interprets: state.interpreters.includes(state.self.peer),
      paused: false,
      weak: unsteady(state.connections[state.self.peer]?.sending),
    });
    // Who interprets stands first, so that nothing scrolls them out of view.
    tiles.sort((a, b) => Number(b.interprets && !!b.participant) - Number(a.interprets && !!a.participant));
    const screens = state.participants
      .filter((p) => publishes(p, 'screen') && slotOf(p.peer) >= 0)
      .map((p) => ({
        key: `${p.peer}/screen`,
        name: p.name,
        slot: slotOf(p.peer),
        paused: state.paused.screens.includes(slotOf(p.peer)),
      }));
    this.drawCameras(tiles);
    this.drawScreens(screens);
    set(this.element, { 'data-screens': screens.length, 'data-people': tiles.length });
    show(this.screens, screens.length > 0);
    show(this.alone, tiles.length === 1 && screens.length === 0);
    this.arrange();
  }

  close(): void {
    this.resize.disconnect();
    document.removeEventListener('visibilitychange', this.visible);
    for (const element of this.audio) element.srcObject = null;
  }

  /** arrange sizes the tiles and asks for no more picture than they show. */
  private arrange(): void {
    const state = this.state;
    if (!state) return;
    const people = state.participants.length;
    const screens = this.screens.childElementCount;
    // With one other person, one's own picture floats in the corner.
    const floating = screens === 0 && people === 1;
    this.element.classList.toggle('with-screens', screens > 0);
    this.element.classList.toggle('floating', floating);
    const inGrid = screens > 0 ? people + 1 : floating ? 1 : people + 1;
    const portrait = this.element.clientHeight > this.element.clientWidth;
    const box = screens > 0 ? this.screens : this.cameras;
    const cols = columns(
      screens > 0 ? screens : inGrid,
      box.clientWidth,
      box.clientHeight,
      screens > 0 ? 16 / 9 : portrait ? 1 : 4 / 3,
    );
    this.element.style.setProperty('--cols', String(cols));
    const count = screens > 0 ? screens : inGrid;
    this.element.style.setProperty('--rows', String(Math.ceil(count / cols)));
    centreLastRow(box, count, cols);
    for (const tile of this.cameras.querySelectorAll<HTMLElement>('[data-slot]')) {
      const slot = Number(tile.dataset.slot);
      if (slot < 0) continue;
      const seen = document.visibilityState === 'visible' && !tile.classList.contains('no-picture');
      const wanted = quality(seen, tile.clientHeight * devicePixelRatio);
      // Fingers are small: signs are worth the large picture in any tile.
      this.o.onView(slot, seen && tile.classList.contains('interpreter') ? 'high' : wanted);
    }
    // Tiles that do not fit are reached by keyboard, too (WCAG 2.1, 2.1.1).
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = this.cameras;
    const scrolls = scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1;
    set(this.cameras, {
      tabindex: scrolls ? 0 : null,
      role: scrolls ? 'group' : null,
      'aria-label': scrolls ? t('room.stage.cameras') : null,
    });
  }

  private player(transceiver: RTCRtpTransceiver): HTMLAudioElement {
    const element = h('audio', { autoplay: true });
    element.srcObject = new MediaStream([transceiver.receiver.track]);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.o.onSilenced();
    });
    return element;
  }

  private cameraRow(first: CameraTile): Row<CameraTile> {
    const video = picture();
    const badge = h('span', { class: 'tile-name' });
    const role = h('span', { class: 'tile-role', hidden: true }, icon('interpreter'), t('room.tile.interpreter'));
    const muted = h(
      'span',
      { class: 'tile-muted', hidden: true },
      icon('micOff'),
      h('span', { class: 'visually-hidden' }, t('room.tile.muted')),
    );
    const away = h(
      'div',
      { class: 'tile-away', hidden: true },
      h('span', { class: 'spinner' }),
      h('span', {}, t('room.tile.reconnecting')),
    );
    const paused = h('div', { class: 'tile-away tile-paused', hidden: true }, h('span', {}, t('room.tile.paused')));
    const weak = h('p', { class: 'tile-weak', hidden: true });
    const avatar = h('div', { class: 'avatar', 'aria-hidden': 'true' });
    const element = h(
      'figure',
      { class: 'tile', 'data-key': first.key },
      h('div', { class: 'tile-empty' }, avatar),
      video,
      away,
      paused,
      weak,
      h('figcaption', {}, muted, badge, role),
    );
    let track: MediaStreamTrack | null = null;
    const update = (x: CameraTile): void => {
      const mine = x.participant === null;
      const wanted = mine ? this.o.devices.tracks.camera : (this.slots[x.slot]?.camera.receiver.track ?? null);
      if (wanted !== track) {
        track = wanted;
        video.srcObject = wanted ? new MediaStream([wanted]) : null;
      }
      const on = x.participant ? publishes(x.participant, 'camera') && x.slot >= 0 : wanted !== null;
      const sounding = x.participant ? publishes(x.participant, 'microphone') : this.micOn;
      set(element, { 'data-slot': x.slot, 'data-camera': on ? 'on' : 'off' });
      element.classList.toggle('no-picture', !on);
      element.classList.toggle('speaking', x.speaking && sounding);
      element.classList.toggle('mine', mine);
      element.classList.toggle('interpreter', x.interprets);
      show(role, x.interprets);
      video.classList.toggle('mirrored', mine && this.o.devices.mirrored);
      show(muted, !sounding);
      show(away, x.participant?.state === 'reconnecting');
      show(paused, on && x.paused && x.participant?.state !== 'reconnecting');
      const told = x.weak !== null && x.participant?.state !== 'reconnecting';
      show(weak, told);
      text(weak, told ? t(`room.people.${x.weak}`) : '');
      text(avatar, initials(x.name));
      text(badge, mine ? t('room.tile.you') : x.name);
    };
    return {
      element,
      update,
      remove: () => {
        video.srcObject = null;
      },
    };
  }

  private screenRow(first: ScreenTile): Row<ScreenTile> {
    const video = picture();
    const caption = h('figcaption', {}, icon('screen'), h('span', { class: 'tile-name' }));
    const paused = h(
      'div',
      { class: 'tile-away tile-paused', hidden: true },
      h('span', {}, t('room.tile.pausedScreen')),
    );
    const element = h('figure', { class: 'tile screen-tile', 'data-key': first.key }, video, paused, caption);
    let track: MediaStreamTrack | null = null;
    const update = (x: ScreenTile): void => {
      const wanted = this.slots[x.slot]?.screen.receiver.track ?? null;
      if (wanted !== track) {
        track = wanted;
        video.srcObject = wanted ? new MediaStream([wanted]) : null;
      }
      const label = caption.querySelector('.tile-name');
      if (label instanceof HTMLElement) text(label, t('room.tile.screen', { Name: x.name }));
      show(paused, x.paused);
      set(element, { 'data-slot': x.slot });
    };
    return {
      element,
      update,
      remove: () => {
        video.srcObject = null;
      },
    };
  }
}

const unsteady = (level: ConnectionLevel | undefined): 'weak' | 'bad' | null =>
  level === 'weak' || level === 'bad' ? level : null;

/** centreLastRow moves a last row that is not full to the middle; each tile spans two tracks. */
function centreLastRow(box: HTMLElement, count: number, cols: number): void {
  const rest = count % cols;
  for (const [i, tile] of [...box.children].entries()) {
    if (!(tile instanceof HTMLElement)) continue;
    const first = rest > 0 && count > cols && i === count - rest;
    tile.style.gridColumnStart = first ? String(cols - rest + 1) : '';
  }
}

function picture(): HTMLVideoElement {
  const video = h('video', { autoplay: true, playsinline: true });
  video.muted = true; // sound plays in elements of its own
  // An upright picture in a wide tile would lose the face: show it whole.
  video.addEventListener('resize', () => {
    const tall = video.videoHeight > video.videoWidth;
    const wide = video.clientWidth > video.clientHeight;
    video.classList.toggle('whole', tall && wide);
  });
  return video;
}
