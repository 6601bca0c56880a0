// A hint when the connection is weak: from what the server sees of it, and
// from what the browser measures itself.

import type { Connection } from '../protocol.gen';
import type { Key } from './i18n';

/** hint is the text for one's own connection, on which pictures may be paused; null while all is well. */
export function hint(own: Connection | undefined, weakHere: boolean, paused = false): Key | null {
  if (paused) return 'room.banner.paused';
  if (own?.level === 'bad') return 'room.banner.bad';
  if (own?.reduced) return 'room.banner.reduced';
  return own?.level === 'weak' || weakHere ? 'room.banner.weak' : null;
}

export interface Sample {
  readonly received: number; // packets
  readonly lost: number; // packets
  readonly rtt: number; // seconds
}

/** weak compares two samples: many packets lost between them, or a long way there and back. */
export function weak(before: Sample, now: Sample): boolean {
  const lost = now.lost - before.lost;
  const all = lost + now.received - before.received;
  return now.rtt > 0.5 || (all > 50 && lost / all > 0.08);
}

export async function sample(pc: RTCPeerConnection): Promise<Sample> {
  let received = 0;
  let lost = 0;
  let rtt = 0;
  for (const raw of (await pc.getStats()).values() as IterableIterator<RTCStats>) {
    if (raw.type === 'inbound-rtp') {
      const s = raw as RTCInboundRtpStreamStats;
      received += s.packetsReceived ?? 0;
      lost += s.packetsLost ?? 0;
    } else if (raw.type === 'candidate-pair') {
      const s = raw as RTCIceCandidatePairStats;
      if (s.nominated && s.currentRoundTripTime !== undefined) rtt = s.currentRoundTripTime;
    }
  }
  return { received, lost, rtt };
}

const EVERY = 4_000;

/** watchQuality tells when the connection becomes weak and when it recovers. */
export function watchQuality(pc: () => RTCPeerConnection | undefined, onWeak: (isWeak: boolean) => void): () => void {
  let last: Sample | null = null;
  let bad = 0;
  const timer = setInterval(() => {
    const connection = pc();
    if (connection?.connectionState !== 'connected') {
      last = null;
      return;
    }
    void sample(connection).then((now) => {
      // Two in a row, so that one burst does not make the hint flicker.
      bad = last && weak(last, now) ? Math.min(2, bad + 1) : Math.max(0, bad - 1);
      last = now;
      onWeak(bad >= 2);
    });
  }, EVERY);
  return () => {
    clearInterval(timer);
  };
}
