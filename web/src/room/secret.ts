// The secret of the link. It arrives in the address's fragment, which browsers
// send to nobody; it is taken out of the address bar at once and kept for this
// tab only, so that a reload still works.

import { sha256 } from '@noble/hashes/sha2.js';

const KEY = 'sportello.room';
const LENGTH = 48; // base64url of 32 random bytes and 4 bytes of checksum

/** whole says whether a secret was copied completely: its last 4 bytes are a checksum. */
export function whole(secret: string): boolean {
  if (secret.length !== LENGTH || !/^[A-Za-z0-9_-]+$/.test(secret)) return false;
  const raw = Uint8Array.from(atob(secret.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const sum = sha256(raw.subarray(0, 32));
  return raw.subarray(32).every((b, i) => b === sum[i]);
}

/** takeSecret reads the secret and removes it from the address; "" if there is none. */
export function takeSecret(win: Window): string {
  const fromLink = decodeURIComponent(win.location.hash.slice(1)).trim();
  if (fromLink) {
    win.history.replaceState(null, '', win.location.pathname + win.location.search);
    store(win, fromLink);
    return fromLink;
  }
  try {
    return win.sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** forgetSecret is for a session that is over. */
export function forgetSecret(win: Window): void {
  try {
    win.sessionStorage.removeItem(KEY);
  } catch {
    // Storage can be switched off; then there is nothing to remove.
  }
}

function store(win: Window, secret: string): void {
  try {
    win.sessionStorage.setItem(KEY, secret);
  } catch {
    // Without storage a reload asks for the link again; nothing else is lost.
  }
}
