// Camera and microphone: asking, choosing, turning off and on, and saying in
// our own words why one cannot be had.

import type { DeviceState } from '../protocol.gen';

export type Kind = 'camera' | 'microphone';
/** busy: another program holds the device. asking: the browser's question is open. */
export type Condition = DeviceState | 'busy' | 'asking';

export interface DeviceChoice {
  readonly id: string;
  readonly label: string;
}

/** conditionOf maps getUserMedia's errors (W3C Media Capture, 10.2). */
export function conditionOf(error: unknown): Condition {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'unknown';
  }
}

/** forClerk is the condition in the protocol's words. */
export function forClerk(condition: Condition): DeviceState {
  return condition === 'busy' || condition === 'asking' ? 'unknown' : condition;
}

export class Devices {
  readonly tracks: Record<Kind, MediaStreamTrack | null> = { camera: null, microphone: null };
  readonly condition: Record<Kind, Condition> = { camera: 'unknown', microphone: 'unknown' };
  private readonly chosen: Record<Kind, string> = { camera: '', microphone: '' };
  private facing: 'user' | 'environment' = 'user';
  private closed = false;
  /** Called when a track or condition changed. */
  onChange: () => void = () => undefined;

  /** Settles when the first question has its answer, whatever that is. */
  asked: Promise<void> = Promise.resolve();

  /** openBoth asks for both in one question; where that fails, for each alone. */
  async openBoth(): Promise<void> {
    this.asked = this.askBoth();
    await this.asked;
  }

  private async askBoth(): Promise<void> {
    this.mark('camera', 'asking');
    this.mark('microphone', 'asking');
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.audio(), video: this.video() });
      this.take('camera', stream.getVideoTracks()[0]);
      this.take('microphone', stream.getAudioTracks()[0]);
    } catch (error) {
      const condition = conditionOf(error);
      for (const kind of ['microphone', 'camera'] as const) {
        // After a refusal we do not ask a second time for what was refused.
        if (condition === 'denied' && !(await granted(kind))) this.mark(kind, 'denied');
        else await this.open(kind);
      }
    }
    this.onChange();
  }

  /** open turns one device on; its condition says how that went. */
  async open(kind: Kind): Promise<MediaStreamTrack | null> {
    this.stop(kind);
    this.mark(kind, 'asking');
    this.onChange();
    try {
      const constraints = kind === 'camera' ? { video: this.video() } : { audio: this.audio() };
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      this.take(kind, stream.getTracks()[0]);
    } catch (error) {
      this.mark(kind, conditionOf(error));
    }
    this.onChange();
    return this.tracks[kind];
  }

  /** off lets the device go; its light goes out. */
  off(kind: Kind): void {
    this.stop(kind);
    this.mark(kind, 'off');
    this.onChange();
  }

  async choose(kind: Kind, id: string): Promise<void> {
    this.chosen[kind] = id;
    await this.open(kind);
  }

  /** flip changes between the front and the back camera of a phone. */
  async flip(): Promise<void> {
    this.facing = this.facing === 'user' ? 'environment' : 'user';
    this.chosen.camera = '';
    await this.open('camera'); // stops the old one first: phones cannot hold both
  }

  get mirrored(): boolean {
    const facing = this.tracks.camera?.getSettings().facingMode;
    return (facing ?? this.facing) !== 'environment';
  }

  /** list gives what can be chosen; labels are empty before the permission. */
  async list(): Promise<Record<Kind, DeviceChoice[]>> {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind): DeviceChoice[] =>
      all.filter((d) => d.kind === kind && d.deviceId).map((d) => ({ id: d.deviceId, label: d.label }));
    return { camera: of('videoinput'), microphone: of('audioinput') };
  }

  current(kind: Kind): string {
    return this.tracks[kind]?.getSettings().deviceId ?? this.chosen[kind];
  }

  close(): void {
    this.closed = true;
    this.stop('camera');
    this.stop('microphone');
  }

  private audio(): MediaTrackConstraints {
    return { ...exact(this.chosen.microphone), echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  }

  private video(): MediaTrackConstraints {
    // At least 640 by 360: Chromium drops the upper layer of smaller pictures.
    const size = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };
    return this.chosen.camera ? { ...exact(this.chosen.camera), ...size } : { facingMode: this.facing, ...size };
  }

  private take(kind: Kind, track: MediaStreamTrack | undefined): void {
    if (!track) {
      this.mark(kind, 'missing');
      return;
    }
    if (this.closed || this.tracks[kind]) {
      track.stop(); // one left, or switched it on by hand, before the question was answered
      return;
    }
    this.tracks[kind] = track;
    this.mark(kind, 'ok');
    track.onended = () => {
      if (this.tracks[kind] !== track) return;
      this.tracks[kind] = null; // unplugged, or taken back in the browser
      this.mark(kind, 'missing');
      this.onChange();
    };
  }

  private stop(kind: Kind): void {
    const track = this.tracks[kind];
    this.tracks[kind] = null;
    if (!track) return;
    track.onended = null;
    track.stop();
  }

  private mark(kind: Kind, condition: Condition): void {
    this.condition[kind] = condition;
  }
}

const exact = (id: string): MediaTrackConstraints => (id ? { deviceId: { exact: id } } : {});

async function granted(kind: Kind): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: kind });
    return status.state === 'granted';
  } catch {
    return false; // a browser that does not know these names
  }
}

/** Meter measures how loud the microphone is, 0 to 1, about 15 times a second. */
export class Meter {
  private readonly context: AudioContext;
  private readonly timer: number;

  constructor(track: MediaStreamTrack, onLevel: (level: number) => void) {
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1024;
    this.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
      // -60 dB and below is silence, -6 dB is full.
      onLevel(Math.max(0, Math.min(1, (20 * Math.log10(rms + 1e-6) + 60) / 54)));
    }, 66);
  }

  close(): void {
    clearInterval(this.timer);
    void this.context.close();
  }
}
