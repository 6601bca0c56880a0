// The session joins the parts: the socket, the media, the files and the state.
// Views listen to it and tell it what people want.

import type {
  ClientMessage,
  DeviceCheck,
  Ended,
  ErrorMessage,
  Hello,
  Join,
  Limits,
  LobbyNotice,
  Quality,
  ServerMessage,
  Waiting,
} from '../protocol.gen';
import { PROTOCOL_VERSION } from '../protocol.gen';
import { Files } from './files';
import { language } from './i18n';
import { Peer, type MediaSource, type Slot } from './peer';
import { Signaling, type LinkState } from './signaling';
import { RealTimeText, type TextLine } from './text';
import {
  addPending,
  emptyState,
  nameOf,
  publishes,
  reduce,
  type Notice,
  type Participant,
  type RoomState,
} from './state';

export interface SessionEvents {
  waiting(message: Waiting): void;
  lobbyNotice(message: LobbyNotice): void;
  /** The room is open, for the first time or anew; resumed means nothing was lost. */
  joined(resumed: boolean): void;
  state(state: RoomState, notices: readonly Notice[]): void;
  slots(slots: readonly Slot[]): void;
  files(): void;
  fileDone(name: string, damaged: boolean): void;
  /** Real-time text has changed; line is one that somebody else has just finished. */
  text(line?: TextLine): void;
  /** Link and media, for the banners. */
  connection(link: LinkState, media: RTCPeerConnectionState): void;
  ended(message: Ended): void;
  /** An error that ends the session. */
  fatal(error: ErrorMessage): void;
  /** An error that concerns one action. */
  problem(error: ErrorMessage): void;
}

export interface SessionOptions {
  readonly url: string;
  readonly token: string;
  readonly device: () => DeviceCheck;
  readonly events: SessionEvents;
}

const SLOTS = 5; // receive slots from the start: a room of six
const REJOINS = 4; // new seats in a minute; more means that something is wrong for good
const defaultLimits: Limits = { fileBytes: 104_857_600, chatChars: 2000, messageBytes: 262_144, participants: 6 };

export class Session {
  state: RoomState = emptyState;
  limits: Limits = defaultLimits;
  peer: Peer | null = null;
  readonly files: Files;
  readonly text: RealTimeText;
  private readonly signaling: Signaling;
  private link: LinkState = 'connecting';
  private hello: Hello | null = null;
  private resume = '';
  private readonly tracks = new Map<MediaSource, MediaStreamTrack>();
  private readonly views = new Map<number, Quality>();
  private over = false;
  private rejoins: number[] = [];

  private readonly o: SessionOptions;

  constructor(o: SessionOptions) {
    this.o = o;
    this.signaling = new Signaling({
      url: o.url,
      join: () => this.join(),
      onMessage: (m) => {
        this.receive(m);
      },
      onLink: (state) => {
        this.link = state;
        if (state !== 'open') this.peer?.interrupted();
        this.tellConnection();
      },
    });
    this.files = new Files({
      send: (m) => this.send(m),
      channel: (label) => (this.peer?.connected ? this.peer.channel(label) : null),
      limit: () => this.limits.fileBytes,
      onChange: () => {
        o.events.files();
      },
      onDone: (name, damaged) => {
        o.events.fileDone(name, damaged);
      },
    });
    this.text = new RealTimeText({
      channel: (label, protocol) => (this.peer?.connected ? this.peer.channel(label, protocol) : null),
      publish: (on) => this.send({ type: 'publish', source: 'text', on }),
      nameOf: (peer) => nameOf(this.state, peer),
      self: () => this.state.self.peer,
      onChange: () => {
        o.events.text();
      },
      onLine: (line) => {
        o.events.text(line);
      },
    });
  }

  start(): void {
    this.signaling.start();
  }

  send(message: ClientMessage): boolean {
    return this.signaling.send(message);
  }

  /** publish turns a source on with a track, or off with null. */
  async publish(source: MediaSource, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.tracks.set(source, track);
    else this.tracks.delete(source);
    if (!this.peer) return; // in the lobby nothing is sent; opened catches up
    if (!track) this.send({ type: 'publish', source, on: false }); // gate first, then stop
    await this.peer.setTrack(source, track);
    // Whoever has switched it off again meanwhile has said so already.
    if (track && this.tracks.get(source) === track) this.send({ type: 'publish', source, on: true });
  }

  publishing(source: MediaSource): boolean {
    return this.tracks.has(source);
  }

  chat(text: string): void {
    const id = crypto.randomUUID();
    this.change(addPending(this.state, id, text, new Date().toISOString()), []);
    this.send({ type: 'chat', id, text }); // while the link is down it waits in the state
  }

  view(slot: number, quality: Quality): void {
    if (this.views.get(slot) === quality) return;
    this.views.set(slot, quality);
    this.send({ type: 'view', slot, quality });
  }

  /** leave gives up the seat. */
  leave(): void {
    this.send({ type: 'leave' });
    this.stop();
  }

  stop(): void {
    this.over = true;
    this.signaling.stop();
    this.files.close();
    this.text.close();
    this.peer?.close();
    this.peer = null;
  }

  private join(): Join {
    const base = { type: 'join', version: PROTOCOL_VERSION, language, device: this.o.device() } as const;
    return this.resume ? { ...base, resume: this.resume, seen: this.state.seen } : { ...base, token: this.o.token };
  }

  private receive(message: ServerMessage): void {
    if (this.over) return;
    const events = this.o.events;
    switch (message.type) {
      case 'hello':
        this.greeted(message);
        return;
      case 'waiting':
        this.resume = message.resume;
        events.waiting(message);
        return;
      case 'lobbyNotice':
        events.lobbyNotice(message);
        return;
      case 'answer':
        this.peer?.answered(message.sdp);
        return;
      case 'moreSlots':
        void this.peer?.moreSlots(message.slots);
        return;
      case 'layers':
        void this.peer?.setLayers(message.active);
        return;
      case 'codec':
        void this.peer?.setCodec(message.video);
        void this.peer?.setRedundant(message.redundant);
        return;
      case 'transfer':
        this.files.started(message);
        return;
      case 'transferEnded':
        this.files.ended(message);
        return;
      case 'fileDelivered':
        this.files.delivered(message.transfer, message.sha256);
        return;
      case 'ended':
        this.finished(message);
        return;
      case 'error':
        this.failed(message);
        return;
      case 'pong':
        return;
      default:
        this.update(message);
    }
  }

  private update(message: ServerMessage): void {
    this.stopText(message);
    const step = reduce(this.state, message);
    if (message.type === 'assign') this.views.delete(message.slot); // said anew for whom it shows now
    this.change(step.state, step.notices);
    if (message.type === 'joined') {
      this.resume = message.resume;
      void this.opened(message.resumed);
    }
    if (message.type === 'joined' || message.type === 'fileOffered' || message.type === 'fileWithdrawn') {
      this.files.sync(this.state.files, this.state.self.peer);
    }
  }

  /** stopText finishes the lines of who leaves or switches text off, while the state still has their name. */
  private stopText(message: ServerMessage): void {
    const stopped = (p: Participant): boolean => p.state === 'connected' && !publishes(p, 'text');
    if (message.type === 'left') this.text.stopped(message.peer);
    else if (message.type === 'participant' && stopped(message)) this.text.stopped(message.peer);
  }

  private greeted(message: Hello): void {
    if (message.version !== PROTOCOL_VERSION) {
      this.failed({ type: 'error', code: 'version', message: '', fatal: true });
      return;
    }
    this.hello = message;
    this.limits = message.limits;
  }

  /** opened brings media up, or after a resume only what the break undid. */
  private async opened(resumed: boolean): Promise<void> {
    if (!this.peer || !resumed) {
      this.peer?.close();
      this.views.clear();
      this.peer = this.newPeer();
      this.text.seated();
      this.o.events.joined(resumed);
      for (const [source, track] of this.tracks) await this.peer.setTrack(source, track);
      await this.peer.negotiate();
    } else {
      this.o.events.joined(true);
      if (this.peer.connected) this.files.goOn();
      else void this.peer.negotiate(true);
    }
    for (const source of ['microphone', 'camera', 'screen', 'screenAudio'] as const) {
      const on = this.publishing(source);
      if (on || resumed) this.send({ type: 'publish', source, on });
    }
    if (resumed) this.send({ type: 'publish', source: 'text', on: this.text.on });
    for (const line of this.state.chat) if (line.pending) this.send({ type: 'chat', id: line.id, text: line.text });
    for (const [slot, quality] of this.views) this.send({ type: 'view', slot, quality });
  }

  private newPeer(): Peer {
    return new Peer({
      iceServers: this.hello?.iceServers ?? [],
      videoCodecs: this.hello?.videoCodecs ?? [],
      slots: SLOTS,
      send: (offer) => this.send(offer),
      onState: (state) => {
        if (state === 'connected') {
          this.files.goOn();
          this.text.connected();
        }
        this.tellConnection();
      },
      onChannel: (channel) => {
        if (!this.text.channelOpened(channel)) this.files.channelOpened(channel);
      },
      onSlots: (slots) => {
        this.o.events.slots(slots);
      },
    });
  }

  private finished(message: Ended): void {
    if (message.reason === 'shutdown') {
      this.rejoin(); // the server restarts: the link's secret opens the room again
      return;
    }
    this.stop();
    this.o.events.ended(message);
  }

  private failed(error: ErrorMessage): void {
    if (error.code === 'resume-lost' || error.code === 'bad-offer') {
      this.rejoin();
      return;
    }
    if (error.code === 'unknown-file') this.files.refused();
    if (error.ref === 'text') this.text.switch(false);
    if (!error.fatal) {
      this.o.events.problem(error);
      return;
    }
    // These pass by themselves: the socket's backoff tries again.
    if (
      error.code === 'unavailable' ||
      error.code === 'internal' ||
      error.code === 'rate-limited' ||
      error.code === 'join-timeout'
    )
      return;
    this.stop();
    this.o.events.fatal(error);
  }

  /** rejoin takes a new seat with the link's secret: after a lost one, or a restart of the server. */
  private rejoin(): void {
    const now = Date.now();
    this.rejoins = [...this.rejoins.filter((at) => now - at < 60_000), now];
    if (this.rejoins.length > REJOINS) {
      this.stop();
      this.o.events.fatal({ type: 'error', code: 'internal', message: '', fatal: true });
      return;
    }
    this.resume = '';
    this.peer?.close();
    this.peer = null;
    this.signaling.again();
  }

  private change(state: RoomState, notices: readonly Notice[]): void {
    this.state = state;
    this.o.events.state(state, notices);
  }

  private tellConnection(): void {
    if (!this.over) this.o.events.connection(this.link, this.peer?.pc.connectionState ?? 'new');
  }
}
