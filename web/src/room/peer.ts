// The one RTCPeerConnection. All sections are made up front and offered once:
// four to send on, four for each receive slot. From then on tracks come and go
// by replaceTrack and messages, never by SDP. A second offer is made only for
// an ICE restart, for more slots or for a voice that is lost, and only by this
// side, so there is no glare.

import { agreed, mannerOf, preferCodecs, preferRedundancy, type Encoding } from './codecs';
import type { ICEServer, Offer, Source } from '../protocol.gen';

export interface Slot {
  readonly audio: RTCRtpTransceiver;
  readonly camera: RTCRtpTransceiver;
  readonly screen: RTCRtpTransceiver;
  readonly screenAudio: RTCRtpTransceiver;
}

export interface PeerOptions {
  readonly iceServers: readonly ICEServer[];
  /** To be offered after VP8. */
  readonly videoCodecs: readonly string[];
  readonly slots: number;
  /** Sends an offer; false while the link is down. */
  readonly send: (offer: Offer) => boolean;
  readonly onState: (state: RTCPeerConnectionState) => void;
  readonly onChannel: (channel: RTCDataChannel) => void;
  /** Slots were made: the stage can attach to their tracks. */
  readonly onSlots: (slots: readonly Slot[]) => void;
}

const CAMERA_BITRATE = { l: 150_000, h: 1_200_000 };
const SCREEN_BITRATE = 2_500_000;
const RESTART_EVERY = 5_000;

/** What is sent as media; text has a channel. */
export type MediaSource = Exclude<Source, 'text'>;

type Sender = Record<MediaSource, RTCRtpTransceiver>;

export class Peer {
  readonly pc: RTCPeerConnection;
  readonly slots: Slot[] = [];
  private readonly send: Sender;
  private awaiting: { resolve: (sdp: string) => void; reject: (e: Error) => void } | null = null;
  private negotiating = false;
  private pending: { iceRestart: boolean } | null = null;
  private timer = 0;
  private work: Promise<unknown> = Promise.resolve(); // setParameters calls, one after another
  private layers: readonly string[] = ['l', 'h'];
  private codec = 'vp8';
  private codecSet = false; // another one was asked for
  private redundant = false; // the voice is offered so
  private readonly on: Record<MediaSource, boolean> = {
    microphone: false,
    camera: false,
    screen: false,
    screenAudio: false,
  };
  private closed = false;

  private readonly o: PeerOptions;

  constructor(o: PeerOptions) {
    this.o = o;
    const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [...o.iceServers] });
    this.pc = pc;
    pc.createDataChannel('ctl', { negotiated: true, id: 0 });
    this.send = {
      microphone: pc.addTransceiver('audio', sendOnly()),
      camera: sendVideo(pc, mannerOf('vp8').camera, [
        { rid: 'l', active: false, scaleResolutionDownBy: 4, maxBitrate: CAMERA_BITRATE.l },
        { rid: 'h', active: false, maxBitrate: CAMERA_BITRATE.h },
      ]),
      screen: sendVideo(pc, mannerOf('vp8').screen, [{ active: false, maxBitrate: SCREEN_BITRATE }]),
      screenAudio: pc.addTransceiver('audio', sendOnly()),
    };
    for (const transceiver of Object.values(this.send)) preferCodecs(transceiver, o.videoCodecs);
    this.addSlots(o.slots);
    pc.onconnectionstatechange = () => {
      this.watch();
      o.onState(pc.connectionState);
    };
    pc.ondatachannel = (event) => {
      o.onChannel(event.channel);
    };
  }

  /** negotiate makes an offer; calls while one is under way are joined into the next. */
  async negotiate(iceRestart = false): Promise<void> {
    if (this.negotiating) {
      this.pending = { iceRestart: iceRestart || (this.pending?.iceRestart ?? false) };
      return;
    }
    this.negotiating = true;
    try {
      await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart }));
      const answer = new Promise<string>((resolve, reject) => {
        this.awaiting = { resolve, reject };
      });
      if (!this.o.send(this.offer())) throw new Error('the link is down');
      await this.pc.setRemoteDescription({ type: 'answer', sdp: await answer });
      // What was tuned while the answer was on its way may have been refused.
      for (const source of ['camera', 'screen'] as const) await this.tune(source, this.send[source].sender.track);
    } catch (error) {
      // The link dropped in between: the session asks again when it is back.
      if (!this.closed) console.warn('room: offer not answered', error);
    } finally {
      this.awaiting = null;
      this.negotiating = false;
    }
    const next = this.pending;
    this.pending = null;
    if (next && !this.closed) await this.negotiate(next.iceRestart);
  }

  answered(sdp: string): void {
    this.awaiting?.resolve(sdp);
  }

  /** interrupted ends the wait for an answer that can no longer come. */
  interrupted(): void {
    this.awaiting?.reject(new Error('the link dropped'));
  }

  get connected(): boolean {
    return this.pc.connectionState === 'connected';
  }

  async moreSlots(total: number): Promise<void> {
    const missing = total - this.slots.length;
    if (missing <= 0) return;
    this.addSlots(missing);
    await this.negotiate();
  }

  /** setTrack puts a track on a section, or takes it off with null. */
  async setTrack(source: MediaSource, track: MediaStreamTrack | null): Promise<void> {
    this.on[source] = track !== null;
    await this.send[source].sender.replaceTrack(track);
    await this.tune(source, track);
  }

  /** setLayers follows the server's word on which camera layers are watched. */
  async setLayers(active: readonly string[]): Promise<void> {
    this.layers = active;
    if (this.on.camera) await this.tune('camera', this.send.camera.sender.track);
  }

  /** setCodec follows the server's word on how pictures are to be packed. */
  async setCodec(name: string): Promise<void> {
    this.codec = name;
    for (const source of ['camera', 'screen'] as const) await this.tune(source, this.send[source].sender.track);
  }

  /** setRedundant follows the server's word on whether much of the voice is lost. Chromium takes the order from an offer alone. */
  async setRedundant(redundant: boolean): Promise<void> {
    if (redundant === this.redundant || !preferRedundancy(this.send.microphone, redundant)) return;
    this.redundant = redundant;
    await this.negotiate();
  }

  channel(label: string, protocol = ''): RTCDataChannel {
    return this.pc.createDataChannel(label, { ordered: true, protocol });
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.interrupted();
    this.pc.onconnectionstatechange = null;
    this.pc.ondatachannel = null;
    this.pc.close();
  }

  private offer(): Offer {
    const mid = (x: RTCRtpTransceiver): string => x.mid ?? '';
    const { microphone, camera, screen, screenAudio } = this.send;
    return {
      type: 'offer',
      sdp: withoutCandidates(this.pc.localDescription?.sdp ?? ''),
      send: { microphone: mid(microphone), camera: mid(camera), screen: mid(screen), screenAudio: mid(screenAudio) },
      receive: this.slots.map((s) => ({
        audio: mid(s.audio),
        camera: mid(s.camera),
        screen: mid(s.screen),
        screenAudio: mid(s.screenAudio),
      })),
    };
  }

  private addSlots(n: number): void {
    const receive = (kind: 'audio' | 'video'): RTCRtpTransceiver => {
      const transceiver = this.pc.addTransceiver(kind, { direction: 'recvonly' });
      preferCodecs(transceiver, this.o.videoCodecs);
      return transceiver;
    };
    for (let i = 0; i < n; i++) {
      this.slots.push({
        audio: receive('audio'),
        camera: receive('video'),
        screen: receive('video'),
        screenAudio: receive('audio'),
      });
    }
    this.o.onSlots(this.slots);
  }

  /**
   * tune sets what a section sends. Off needs active = false beside the missing
   * track: Firefox otherwise goes on with a frame a second.
   */
  private async tune(source: MediaSource, track: MediaStreamTrack | null): Promise<void> {
    if (source !== 'camera' && source !== 'screen') return;
    const sender = this.send[source].sender;
    const height = track?.getSettings().height ?? 720;
    const job = this.work.then(async () => {
      // An answer that is taken meanwhile may undo it: not before the second refusal can the browser not choose.
      for (let tries = 0; tries < 2; tries++) if (await this.apply(sender, source, track !== null, height)) return;
      this.codec = 'vp8'; // the browser cannot choose: it goes on as before
      await this.apply(sender, source, track !== null, height);
    });
    this.work = job.catch(() => undefined); // before an answer some browsers refuse; negotiate sets it again
    await job.catch((error: unknown) => {
      console.warn('room: sender parameters', error);
    });
  }

  /** apply is false where another codec than VP8 is wanted, and the browser did not take it. */
  private async apply(
    sender: RTCRtpSender,
    source: 'camera' | 'screen',
    on: boolean,
    height: number,
  ): Promise<boolean> {
    const parameters = sender.getParameters();
    const codec = agreed(parameters, this.codec); // none before the answer, after which this is done again
    const manner = mannerOf(codec ? this.codec : 'vp8');
    this.codecSet ||= this.codec !== 'vp8';
    for (const encoding of parameters.encodings as Encoding[]) {
      const rid = encoding.rid ?? '';
      encoding.active = on && (source === 'screen' || this.layers.includes(rid));
      // The lower layer is about 180 lines high, whatever the camera gives.
      if (rid === 'l') encoding.scaleResolutionDownBy = Math.max(1, Math.min(4, Math.round(height / 180)));
      if (!codec || !this.codecSet) continue;
      const most = source === 'screen' ? SCREEN_BITRATE : CAMERA_BITRATE[rid === 'l' ? 'l' : 'h'];
      Object.assign(encoding, { codec, scalabilityMode: manner[source], maxBitrate: most * manner.rate });
    }
    if (source === 'screen') parameters.degradationPreference = 'maintain-resolution';
    await sender.setParameters(parameters);
    if (!codec || this.codec === 'vp8') return true;
    return (sender.getParameters().encodings as Encoding[]).every((encoding) => encoding.codec !== undefined);
  }

  /** watch restarts ICE from the first sign of trouble until media flows again. */
  private watch(): void {
    clearInterval(this.timer);
    const state = this.pc.connectionState;
    if (state !== 'disconnected' && state !== 'failed') return;
    void this.negotiate(true);
    this.timer = window.setInterval(() => void this.negotiate(true), RESTART_EVERY);
  }
}

/**
 * withoutCandidates takes the candidates out that a browser has found by now:
 * some already in the first offer of Firefox, all in a later one. The server
 * learns where we are from our checks, and the mDNS names in them (RFC 8828)
 * would tell it nothing it can send to.
 */
export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, '');
}

// A stream per section: rid sections need a msid that is not empty.
const sendOnly = (): RTCRtpTransceiverInit => ({ direction: 'sendonly', streams: [new MediaStream()] });

/**
 * sendVideo makes a section for pictures in temporal layers, of which the server
 * can leave some out for who has a narrow line. A browser that does not know the
 * mode (WebRTC SVC) sends them without.
 */
function sendVideo(
  pc: RTCPeerConnection,
  scalabilityMode: string,
  sendEncodings: RTCRtpEncodingParameters[],
): RTCRtpTransceiver {
  try {
    const layered = sendEncodings.map((encoding) => ({ ...encoding, scalabilityMode }));
    return pc.addTransceiver('video', { ...sendOnly(), sendEncodings: layered });
  } catch {
    return pc.addTransceiver('video', { ...sendOnly(), sendEncodings });
  }
}
