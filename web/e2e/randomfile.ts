// Files for people to hand over. They lie on disk: what is given to a page as
// bytes travels through the browser's control channel first, which takes long.

import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PIECE = 1024 * 1024; // as the fingerprint's (docs/protocol.md)

export interface RandomFile {
  readonly path: string;
  readonly sha256: string;
  readonly fingerprint: string;
}

/** randomFile writes so many bytes that no compression helps; they are gone when the process ends. */
export function randomFile(name: string, size: number): RandomFile {
  const folder = mkdtempSync(path.join(tmpdir(), 'sportello-file-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const file = path.join(folder, name);
  const hash = createHash('sha256');
  const pieces = createHash('sha256');
  for (let left = size; left > 0; left -= PIECE) {
    const piece = randomBytes(Math.min(left, PIECE));
    hash.update(piece);
    pieces.update(createHash('sha256').update(piece).digest());
    appendFileSync(file, piece);
  }
  return { path: file, sha256: hash.digest('hex'), fingerprint: pieces.digest('hex') };
}
