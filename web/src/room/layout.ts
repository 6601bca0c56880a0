// The arithmetic of the stage: how many columns make the tiles largest, and
// how much picture a tile can use.

import type { Quality } from '../protocol.gen';

/** columns is the number of columns in which n tiles of the given shape come out largest. */
export function columns(n: number, width: number, height: number, ratio = 4 / 3): number {
  let best = 1;
  let area = 0;
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    const w = Math.min(width / cols, (height / rows) * ratio);
    if (w > area + 0.5) {
      area = w;
      best = cols;
    }
  }
  return best;
}

const LOW_LINES = 200; // the lower layer has about 180

/** quality is the best layer worth having for a tile of so many device pixels in height. */
export function quality(visible: boolean, heightPx: number): Quality {
  if (!visible || heightPx <= 0) return 'none';
  return heightPx > LOW_LINES ? 'high' : 'low';
}

/** initials stand where a camera is off. */
export function initials(name: string): string {
  const words = name.split(/[\s'’.]+/).filter(Boolean);
  const picked = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return picked.map((w) => Array.from(w ?? '')[0]?.toUpperCase() ?? '').join('');
}
