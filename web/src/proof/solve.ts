import { sha256 } from '@noble/hashes/sha2.js';
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** A puzzle: which number, appended to the salt, has this SHA-256? */
export interface Challenge {
  algorithm: string;
  challenge: string; // the hash, in hex
  maxNumber: number;
  salt: string;
  signature: string;
}

const batch = 2000;

/**
 * Looks for the number; undefined where there is none. Not with Web Crypto:
 * it is asynchronous for every hash, and absent on plain http.
 */
export async function solve({ challenge, salt, maxNumber }: Challenge): Promise<number | undefined> {
  const wanted = hexToBytes(challenge);
  const prefix = sha256.create().update(utf8ToBytes(salt));
  for (let n = 0; n <= maxNumber; n++) {
    const hash = prefix
      .clone()
      .update(utf8ToBytes(String(n)))
      .digest();
    if (hash[0] === wanted[0] && hash.every((b, i) => b === wanted[i])) return n;
    if (n % batch === batch - 1) await new Promise((go) => setTimeout(go));
  }
  return undefined;
}
