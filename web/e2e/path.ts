// The way that a page's media goes, as its browser counts it.

import assert from 'node:assert/strict';
import { eventually } from './harness';
import type { Asked } from './received';

export interface Path {
  /** The kind of one's own end, host, prflx or relay, and how it goes on from there. */
  readonly local: string;
  readonly protocol: string;
  /** How one reaches the relay; empty without one. */
  readonly relay: string;
  readonly remote: string;
  /** The other end's address, where the browser tells it. */
  readonly address: string;
  /** The kinds of all ends that were found here. */
  readonly found: string[];
}

/** path is that of the newest peer connection. */
export async function path(page: Asked): Promise<Path> {
  // While a check of the pair that carries the media is on its way again, it is not among those that succeeded.
  const way = await eventually(
    'a path',
    () => found(page),
    (way) => way !== null,
  );
  assert.ok(way);
  return way;
}

function found(page: Asked): Promise<Path | null> {
  return page.evaluate(async () => {
    interface Candidate extends RTCStats {
      readonly candidateType: string;
      readonly protocol: string;
      readonly relayProtocol?: string;
      readonly address?: string | null;
    }
    const pc = (window as unknown as { observed: { peers: RTCPeerConnection[] } }).observed.peers.at(-1);
    const stats = new Map<string, RTCStats>();
    (await pc?.getStats())?.forEach((raw: RTCStats) => stats.set(raw.id, raw));
    const found = [...stats.values()].filter((raw) => raw.type === 'local-candidate') as Candidate[];
    for (const raw of stats.values()) {
      const pair = raw as RTCIceCandidatePairStats;
      if (raw.type !== 'candidate-pair' || !pair.nominated || pair.state !== 'succeeded') continue;
      const local = stats.get(pair.localCandidateId) as Candidate;
      const remote = stats.get(pair.remoteCandidateId) as Candidate;
      return {
        local: local.candidateType,
        protocol: local.protocol,
        relay: local.relayProtocol ?? '',
        remote: `${remote.candidateType} ${remote.protocol}`,
        address: remote.address ?? '',
        found: found.map((c) => c.candidateType),
      };
    }
    return null;
  });
}
