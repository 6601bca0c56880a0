// The call: the stage, the buttons, one panel at a time, and the banners.

import type { LobbyEntry } from '../protocol.gen';
import { announce, warn } from './announce';
import { ChatPanel } from './chat';
import { Controls, type Command } from './controls';
import type { Devices, Kind } from './devices';
import { ask } from './dialog';
import { h, show, text } from './dom';
import { FilesPanel } from './files-view';
import { icon } from './icons';
import { bytes, clock, t } from './i18n';
import { PeoplePanel } from './people';
import { conditionText } from './preview';
import { hint, watchQuality } from './quality';
import { canShareScreen, shareScreen, type SharedScreen } from './screen';
import type { Session } from './session';
import { settings } from './settings';
import type { LinkState } from './signaling';
import { Stage } from './stage';
import { nameOf, publishes, type Notice, type Participant, type RoomState } from './state';
import type { TextLine } from './text';
import { TextPanel } from './text-view';

const panels = ['people', 'chat', 'text', 'files'] as const;
type PanelName = (typeof panels)[number];

export interface CallOptions {
  readonly session: Session;
  readonly devices: Devices;
  readonly onLeave: () => void;
}

export class CallView {
  readonly element: HTMLElement;
  readonly stage: Stage;
  private readonly controls: Controls;
  private readonly panels: { people: PeoplePanel; chat: ChatPanel; text: TextPanel; files: FilesPanel };
  private readonly aside: HTMLElement;
  private readonly asideTitle = h('h2', { id: 'panel-title' });
  private readonly asideBody = h('div', { class: 'panel-slot' });
  private readonly heading = h('h1', { tabindex: -1 });
  private readonly about = h('p');
  private readonly timer = h('span', { class: 'call-time' });
  private readonly link = h('div', { class: 'banner warn', role: 'status', hidden: true });
  private readonly weak = h('div', { class: 'weak', hidden: true }, icon('wifi'), h('span'));
  private readonly sharing: HTMLElement;
  private readonly silent: HTMLElement;
  private readonly lobby: HTMLElement;
  private readonly invitation: HTMLElement;
  private readonly invited = new Set<string>(); // whose text this person knows of
  private readonly toasts = h('div', { class: 'toasts', 'aria-hidden': 'true' });
  private open: PanelName | null = null;
  private readonly unread: Record<PanelName, number> = { people: 0, chat: 0, text: 0, files: 0 };
  private screen: SharedScreen | null = null;
  private picking = false; // the browser asks what to share
  private closed = false;
  private weakHere = false; // as this browser measures
  private readonly asking = new Set<Kind>(); // of what the browser is asked for
  private micOn: boolean;
  private readonly stopQuality: () => void;
  private readonly clockTimer: number;

  private readonly o: CallOptions;

  constructor(o: CallOptions) {
    this.o = o;
    const { session, devices } = o;
    this.micOn = devices.tracks.microphone !== null;
    this.stage = new Stage({
      devices,
      onView: (slot, q) => {
        session.view(slot, q);
      },
      onSilenced: () => {
        show(this.silent, true);
      },
    });
    this.controls = new Controls((c) => {
      void this.command(c);
    });
    this.panels = {
      people: new PeoplePanel({
        onAdmit: (s) => session.send({ type: 'admit', session: s }),
        onRefuse: (e) => void this.refuse(e),
        onWrite: (e) => void this.write(e),
        onRemove: (p) => void this.remove(p),
        onInterpret: (p, on) => session.send({ type: 'interpret', peer: p.peer, on }),
      }),
      chat: new ChatPanel({
        onSend: (line) => {
          session.chat(line);
        },
        limit: () => session.limits.chatChars,
      }),
      text: new TextPanel({
        text: session.text,
        self: () => session.state.self.peer,
        inviting: () => this.writers().map((p) => p.name),
      }),
      files: new FilesPanel({
        files: session.files,
        limit: () => session.limits.fileBytes,
        onPick: (file) => {
          this.offer(file);
        },
        nameOf: (peer) => nameOf(session.state, peer) || t('room.files.somebody'),
      }),
    };
    this.sharing = this.bar(
      'sharing',
      t('room.screen.sharing'),
      t('room.screen.stop'),
      () => void this.command('screen'),
    );
    this.silent = this.bar('silent', t('room.sound.blocked'), t('room.sound.activate'), () => void this.unmute());
    this.lobby = this.bar('lobby-bar', '', t('room.host.admit'), () => {
      this.admitFirst();
    });
    this.invitation = this.bar('text-bar', '', t('room.text.open'), () => {
      this.show('text');
    });
    this.aside = h(
      'aside',
      { class: 'panel', hidden: true, 'aria-labelledby': 'panel-title' },
      h(
        'div',
        { class: 'panel-head' },
        this.asideTitle,
        h(
          'button',
          {
            type: 'button',
            class: 'round plain',
            'aria-label': t('room.panel.close'),
            onclick: () => {
              this.show(null);
            },
          },
          icon('close'),
        ),
      ),
      this.asideBody,
    );
    this.aside.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.show(null);
    });
    this.element = h(
      'section',
      { class: 'call', 'data-view': 'call' },
      h(
        'header',
        { class: 'call-head' },
        h('div', { class: 'call-about' }, this.heading, this.about),
        this.weak,
        this.timer,
      ),
      h(
        'div',
        { class: 'call-main' },
        h(
          'div',
          { class: 'call-stage' },
          h('div', { class: 'banners' }, this.link, this.lobby, this.invitation, this.sharing, this.silent),
          this.toasts,
          this.stage.element,
          this.panels.text.captions,
        ),
        this.aside,
      ),
      this.controls.element,
    );
    for (const panel of panels) this.controls.expanded(panel, false);
    this.controls.visible('flip', false);
    this.stopQuality = watchQuality(
      () => session.peer?.pc,
      (isWeak) => {
        this.weakHere = isWeak;
        this.showQuality();
      },
    );
    this.clockTimer = window.setInterval(() => {
      this.tick();
    }, 10_000);
  }

  focus(): void {
    this.heading.focus();
  }

  /** start publishes what the preview left on, also where one entered before the browser's question was answered. */
  async start(): Promise<void> {
    const { session, devices } = this.o;
    const without = devices.tracks.microphone === null;
    await devices.asked;
    if (without) this.micOn = devices.tracks.microphone !== null;
    await session.publish('camera', devices.tracks.camera);
    await session.publish('microphone', this.micOn ? devices.tracks.microphone : null);
    this.devicesChanged();
  }

  update(state: RoomState, notices: readonly Notice[]): void {
    const host = state.self.role === 'host';
    text(this.heading, state.room?.service ?? '');
    text(this.about, state.room?.office ?? '');
    this.tick();
    this.controls.label('leave', t(host ? 'room.control.end' : 'room.control.leave'));
    this.stage.update(state, this.micOn);
    this.panels.people.update(state);
    this.panels.chat.update(state);
    this.showLobby(state);
    this.showQuality();
    this.textChanged();
    for (const notice of notices) this.tell(notice);
  }

  /** textChanged shows real-time text; a line that somebody has finished is told where its log is not open. */
  textChanged(line?: TextLine): void {
    if (line && this.open !== 'text') {
      announce(t('room.say.chat', { Name: line.name, Text: line.text }));
      this.count('text', this.unread.text + 1);
    }
    this.panels.text.update();
    const { text: rtt } = this.o.session;
    if (this.open === 'text' || rtt.on) for (const p of this.writers()) this.invited.add(p.peer);
    const inviting = this.writers().filter((p) => !this.invited.has(p.peer));
    show(this.invitation, inviting.length > 0);
    const words = this.invitation.querySelector<HTMLElement>('span');
    if (words) text(words, t('room.text.invitation', { Names: inviting.map((p) => p.name).join(', ') }));
  }

  private writers(): readonly Participant[] {
    return this.o.session.state.participants.filter((p) => publishes(p, 'text'));
  }

  filesChanged(): void {
    this.panels.files.update();
  }

  fileDone(name: string, damaged: boolean): void {
    (damaged ? warn : announce)(t(damaged ? 'room.say.fileDamaged' : 'room.say.fileDone', { File: name }));
  }

  connection(link: LinkState, media: RTCPeerConnectionState): void {
    const lost = link === 'down' || link === 'connecting' || media === 'disconnected' || media === 'failed';
    text(this.link, lost ? t('room.banner.reconnecting') : '');
    show(this.link, lost);
  }

  /** devicesChanged brings buttons and publications in line with the tracks. */
  devicesChanged(): void {
    const { devices, session } = this.o;
    this.controls.toggle('camera', devices.tracks.camera !== null);
    this.controls.toggle('microphone', this.micOn && devices.tracks.microphone !== null);
    this.controls.toggle('screen', this.screen !== null);
    show(this.sharing, this.screen !== null);
    this.stage.update(session.state, this.micOn);
    void devices.list().then((found) => {
      const phone = matchMedia('(pointer: coarse)').matches;
      this.controls.visible('flip', phone && found.camera.length > 1 && devices.tracks.camera !== null);
    });
  }

  problem(line: string): void {
    warn(line);
    this.toast(line, true);
  }

  close(): void {
    this.closed = true;
    this.stopQuality();
    clearInterval(this.clockTimer);
    this.controls.close();
    this.screen?.stop();
    this.stage.close();
  }

  private async command(command: Command): Promise<void> {
    switch (command) {
      case 'microphone':
        return this.toggleMicrophone();
      case 'camera':
        return this.toggleCamera();
      case 'flip':
        await this.o.devices.flip();
        return this.o.session.publish('camera', this.o.devices.tracks.camera);
      case 'screen':
        return this.toggleScreen();
      case 'settings':
        await settings(this.o.devices, {
          changed: (kind) => this.republish(kind),
          speaker: (id) => this.stage.speaker(id),
        });
        return;
      case 'leave':
        return this.leave();
      default:
        this.show(this.open === command ? null : command);
    }
  }

  private async toggleMicrophone(): Promise<void> {
    const { devices, session } = this.o;
    if (this.asking.has('microphone')) return;
    if (!devices.tracks.microphone && !(await this.get('microphone'))) return;
    else this.micOn = devices.tracks.microphone !== null && !session.publishing('microphone');
    if (devices.tracks.microphone) devices.tracks.microphone.enabled = this.micOn;
    await session.publish('microphone', this.micOn ? devices.tracks.microphone : null);
    announce(t(this.micOn ? 'room.say.micOn' : 'room.say.micOff'));
    this.devicesChanged();
  }

  private async toggleCamera(): Promise<void> {
    const { devices, session } = this.o;
    if (this.asking.has('camera')) return;
    if (devices.tracks.camera) {
      const told = session.publish('camera', null);
      devices.off('camera'); // at once: the next press switches it on
      await told;
      announce(t('room.say.cameraOff'));
    } else if (await this.get('camera')) {
      await session.publish('camera', devices.tracks.camera);
      announce(t('room.say.cameraOn'));
    }
    this.devicesChanged();
  }

  /** get asks for a device in the call; a refusal is explained. */
  private async get(kind: Kind): Promise<boolean> {
    this.asking.add(kind);
    const track = await this.o.devices.open(kind);
    this.asking.delete(kind);
    if (track) return true;
    this.problem(conditionText(kind, this.o.devices.condition[kind]) || t('room.device.failed'));
    return false;
  }

  private async republish(kind: Kind): Promise<void> {
    const { devices, session } = this.o;
    if (session.publishing(kind)) await session.publish(kind, devices.tracks[kind]);
    this.devicesChanged();
  }

  private async toggleScreen(): Promise<void> {
    if (this.screen) await this.stopScreen();
    else if (!canShareScreen()) this.problem(t('room.screen.unsupported'));
    else if (!this.picking) await this.pickScreen();
    this.devicesChanged();
  }

  private async stopScreen(): Promise<void> {
    const { session } = this.o;
    this.screen?.stop();
    this.screen = null;
    await Promise.all([session.publish('screen', null), session.publish('screenAudio', null)]);
    announce(t('room.say.screenStopped'));
  }

  private async pickScreen(): Promise<void> {
    const { session } = this.o;
    this.picking = true;
    const picked = await shareScreen(() => {
      if (this.screen) void this.toggleScreen();
    }).catch(() => {
      this.problem(t('room.screen.failed'));
      return null;
    });
    this.picking = false;
    if (this.closed) picked?.stop(); // the call ended while the browser's question was open
    if (!picked || this.closed) return;
    this.screen = picked;
    this.devicesChanged();
    await Promise.all([
      session.publish('screen', picked.video),
      picked.audio && session.publish('screenAudio', picked.audio),
    ]);
    if (this.screen === picked) announce(t('room.screen.sharing'));
  }

  private show(panel: PanelName | null): void {
    const before = this.open;
    this.open = panel;
    for (const name of panels) this.controls.expanded(name, name === panel);
    show(this.aside, panel !== null);
    this.element.classList.toggle('panel-open', panel !== null);
    if (panel) {
      text(this.asideTitle, t(`room.control.${panel}`));
      this.asideBody.replaceChildren(this.panels[panel].element);
      this.count(panel, 0);
      this.panels.files.update();
      this.panels.chat.update(this.o.session.state);
      this.textChanged();
      this.panels[panel].focus();
    } else if (before) this.controls.focus(before);
  }

  private count(panel: PanelName, n: number): void {
    this.unread[panel] = n;
    this.controls.count(panel, n);
  }

  private tell(notice: Notice): void {
    const line =
      notice.kind === 'chat'
        ? t('room.say.chat', { Name: notice.name, Text: notice.text })
        : notice.kind === 'file'
          ? t('room.say.file', { Name: notice.name, File: notice.file })
          : t(`room.say.${notice.kind}`, { Name: notice.name });
    if (!(notice.kind === 'chat' && this.open === 'chat')) announce(line); // the open log speaks for itself
    const panel = notice.kind === 'chat' ? 'chat' : notice.kind === 'file' ? 'files' : null;
    if (panel && this.open !== panel) this.count(panel, this.unread[panel] + 1);
    const seen = notice.kind === 'waiting' || notice.kind === 'textOn' || (panel !== null && this.open === panel); // a banner or a panel shows it
    if (!seen) this.toast(line, false);
  }

  /** toast shows for the eye what was announced. */
  private toast(line: string, urgent: boolean): void {
    const element = h('div', { class: urgent ? 'toast urgent' : 'toast' }, line);
    this.toasts.append(element);
    while (this.toasts.childElementCount > 3) this.toasts.firstElementChild?.remove();
    setTimeout(
      () => {
        element.remove();
      },
      urgent ? 9000 : 5000,
    );
  }

  private showLobby(state: RoomState): void {
    const waiting = state.lobby.length;
    const first = state.lobby[0];
    show(this.lobby, waiting > 0);
    this.controls.count('people', this.open === 'people' ? 0 : waiting);
    const line = this.lobby.querySelector<HTMLElement>('span');
    if (first && line)
      text(
        line,
        waiting === 1
          ? t('room.host.one', { Name: first.name })
          : t('room.host.many', { Name: first.name, Count: waiting - 1 }),
      );
  }

  /** showQuality says how one's own connection fares, in words, and aloud when that changes. */
  private showQuality(): void {
    const { state } = this.o.session;
    const key = hint(
      state.connections[state.self.peer],
      this.weakHere,
      state.paused.cameras.length + state.paused.screens.length > 0,
    );
    const words = key ? t(key) : '';
    const span = this.weak.querySelector('span');
    if (!span || span.textContent === words) return;
    span.textContent = words;
    show(this.weak, words !== '');
    announce(words || t('room.banner.well'));
  }

  private admitFirst(): void {
    const first = this.o.session.state.lobby[0];
    if (first) this.o.session.send({ type: 'admit', session: first.session });
  }

  private async refuse(entry: LobbyEntry): Promise<void> {
    const words = await ask({
      title: t('room.host.refuse.title', { Name: entry.name }),
      body: t('room.host.refuse.body'),
      confirm: t('room.host.refuse'),
      danger: true,
      field: { label: t('room.host.text'), required: false, max: 500 },
    });
    if (words !== null) this.o.session.send({ type: 'refuse', session: entry.session, text: words });
  }

  private async write(entry: LobbyEntry): Promise<void> {
    const words = await ask({
      title: t('room.host.write.title', { Name: entry.name }),
      body: t('room.host.write.body'),
      confirm: t('room.host.send'),
      field: { label: t('room.host.text'), required: true, max: 500 },
    });
    if (words) this.o.session.send({ type: 'lobbyMessage', session: entry.session, text: words });
  }

  private async remove(participant: Participant): Promise<void> {
    const yes = await ask({
      title: t('room.host.remove.title', { Name: participant.name }),
      body: t('room.host.remove.body'),
      confirm: t('room.host.remove'),
      danger: true,
    });
    if (yes !== null) this.o.session.send({ type: 'remove', peer: participant.peer });
  }

  private async leave(): Promise<void> {
    const host = this.o.session.state.self.role === 'host';
    const yes = await ask({
      title: t(host ? 'room.leave.end.title' : 'room.leave.title'),
      body: t(host ? 'room.leave.end.body' : 'room.leave.body'),
      confirm: t(host ? 'room.control.end' : 'room.control.leave'),
      danger: true,
    });
    if (yes === null) return;
    if (host) this.o.session.send({ type: 'end' });
    else this.o.onLeave();
  }

  private offer(file: File): void {
    const { session } = this.o;
    const result = session.files.offer(file, session.state.self.peer);
    const size = bytes(session.limits.fileBytes);
    if (result === 'too-large') this.panels.files.problem(t('room.files.tooLarge', { File: file.name, Size: size }));
    else if (result === 'empty') this.panels.files.problem(t('room.files.emptyFile', { File: file.name }));
    else if (result === 'offline') this.panels.files.problem(t('room.files.offline'));
    else announce(t('room.files.out.offered'));
  }

  private async unmute(): Promise<void> {
    await this.stage.unmute();
    show(this.silent, false);
  }

  private bar(name: string, line: string, button: string, run: () => void): HTMLElement {
    return h(
      'div',
      { class: `banner ${name}`, hidden: true },
      h('span', {}, line),
      h('button', { type: 'button', class: 'btn btn-light btn-sm', 'data-action': name, onclick: run }, button),
    );
  }

  private tick(): void {
    const room = this.o.session.state.room;
    if (!room) return;
    text(this.timer, t('room.call.until', { From: clock(new Date(room.startsAt)), To: clock(new Date(room.endsAt)) }));
  }
}
