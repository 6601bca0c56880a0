// What a page has received, as its browser counts it (W3C WebRTC Stats).

/** Asked is a page that can be asked, of playwright-core or of puppeteer-core. */
export interface Asked {
  evaluate<T>(ask: () => Promise<T>): Promise<T>;
}

export interface Sound {
  readonly mid: string;
  readonly packets: number;
  readonly lost: number; // packets, after whatever repair there was
  readonly samples: number;
  readonly concealed: number; // samples invented for lost packets, silence left out
  readonly energy: number;
}

export interface Picture {
  readonly mid: string;
  readonly frames: number; // decoded
  readonly height: number;
  readonly packets: number;
  readonly lost: number;
  readonly freezes: number;
  readonly frozen: number; // seconds
  readonly nacks: number;
  readonly keyframes: number;
}

export interface Received {
  readonly sound: Sound[];
  readonly pictures: Picture[];
}

/** received asks the newest peer connection for every section that got something. */
export async function received(page: Asked): Promise<Received> {
  return page.evaluate(async () => {
    const sound: Sound[] = [];
    const pictures: Picture[] = [];
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    for (const raw of ((await pc?.getStats())?.values() ?? []) as Iterable<RTCStats>) {
      if (raw.type !== 'inbound-rtp') continue;
      const s = raw as RTCInboundRtpStreamStats;
      const both = { mid: s.mid ?? '', packets: s.packetsReceived ?? 0, lost: s.packetsLost ?? 0 };
      if (!both.packets) continue;
      if (s.kind === 'audio') {
        sound.push({
          ...both,
          samples: s.totalSamplesReceived ?? 0,
          concealed: (s.concealedSamples ?? 0) - (s.silentConcealedSamples ?? 0),
          energy: s.totalAudioEnergy ?? 0,
        });
      } else {
        pictures.push({
          ...both,
          frames: s.framesDecoded ?? 0,
          height: s.frameHeight ?? 0,
          freezes: s.freezeCount ?? 0,
          frozen: s.totalFreezesDuration ?? 0,
          nacks: s.nackCount ?? 0,
          keyframes: s.keyFramesDecoded ?? 0,
        });
      }
    }
    return { sound, pictures };
  });
}

/**
 * lips tells by how many milliseconds the sound of the only other person is
 * played later than the picture that belongs to it, by the sender's clock.
 */
export async function lips(page: Asked): Promise<number | null> {
  return page.evaluate(async () => {
    const at: Record<string, number> = {};
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    for (const raw of ((await pc?.getStats())?.values() ?? []) as Iterable<RTCStats>) {
      if (raw.type !== 'inbound-rtp') continue;
      const s = raw as RTCInboundRtpStreamStats & { estimatedPlayoutTimestamp?: number };
      if (s.packetsReceived && s.estimatedPlayoutTimestamp) at[s.kind] = s.estimatedPlayoutTimestamp;
    }
    return at.audio && at.video ? at.video - at.audio : null;
  });
}

/** Totals of a Received, or of what came between two of them. */
export interface Sum {
  readonly frames: number;
  readonly freezes: number;
  readonly nacks: number;
  readonly keyframes: number;
  readonly pictureLost: number;
  readonly soundPackets: number;
  readonly soundLost: number;
  readonly samples: number;
  readonly concealed: number;
  readonly energy: number;
}

function sum(of: Received): Sum {
  const all = <T>(list: T[], value: (x: T) => number): number => list.reduce((n, x) => n + value(x), 0);
  return {
    frames: all(of.pictures, (p) => p.frames),
    freezes: all(of.pictures, (p) => p.freezes),
    nacks: all(of.pictures, (p) => p.nacks),
    keyframes: all(of.pictures, (p) => p.keyframes),
    pictureLost: all(of.pictures, (p) => p.lost),
    soundPackets: all(of.sound, (s) => s.packets),
    soundLost: all(of.sound, (s) => s.lost),
    samples: all(of.sound, (s) => s.samples),
    concealed: all(of.sound, (s) => s.concealed),
    energy: all(of.sound, (s) => s.energy),
  };
}

export function between(before: Received, now: Received): Sum {
  const [a, b] = [sum(before), sum(now)];
  const keys = Object.keys(a) as (keyof Sum)[];
  return Object.fromEntries(keys.map((key) => [key, b[key] - a[key]])) as unknown as Sum;
}

/** tallest is the height of the biggest picture that comes in, in lines. */
export const tallest = (of: Received): number => Math.max(0, ...of.pictures.map((p) => p.height));

/** line is a Sum for people to read. */
export function line(of: Sum): string {
  const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
  return (
    `${of.frames} frames, ${of.freezes} freezes, ${of.nacks} NACKs, ${of.pictureLost} picture packets lost, ` +
    `voice: ${of.soundPackets} packets, ${share(of.soundLost, of.soundPackets + of.soundLost)} lost, ${share(of.concealed, of.samples)} concealed`
  );
}
