// ITU-T T.140, the text conversation protocol: what is typed travels as it is
// typed, with a backspace for each character taken back. Characters are code
// points; lines are finished by U+2028.

export const LINE = '\u2028';
export const BACKSPACE = '\b';
export const MISSING = '\uFFFD'; // text was lost here (T.140, addendum 1)

const LONGEST = 1000; // characters of a line; a longer one goes on in the next

/** edit is what makes one line into another for those who read it: backspaces, then new text. */
export function edit(before: string, after: string): string {
  const had = Array.from(before);
  const has = Array.from(after);
  let same = 0;
  while (same < had.length && had[same] === has[same]) same++;
  return BACKSPACE.repeat(had.length - same) + has.slice(same).join('');
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** size is the length of a text in bytes of UTF-8, as places in a stream are counted. */
export const size = (text: string): number => encoder.encode(text).length;

/** skip leaves out the first bytes of a text. */
export const skip = (text: string, bytes: number): string =>
  bytes <= 0 ? text : decoder.decode(encoder.encode(text).subarray(bytes));

export interface LineEvents {
  finished(text: string): void;
  /** The last finished line is taken back: somebody erased its end. Gives its text, or null. */
  reopened(): string | null;
}

/** Reader makes lines of what one person types. */
export class Reader {
  /** The line being typed. */
  open = '';
  private count = 0; // characters of it
  private afterCR = false;

  private readonly events: LineEvents;

  constructor(events: LineEvents) {
    this.events = events;
  }

  take(text: string): void {
    // Select graphic rendition: colours and weights are ours.
    // eslint-disable-next-line no-control-regex
    for (const c of text.replace(/(?:\u001b\[|\u009b)[\d;]*m/g, '')) {
      const second = c === '\n' && this.afterCR;
      this.afterCR = c === '\r';
      if (second) continue;
      if (c === BACKSPACE) this.erase();
      else if (c === LINE || c === '\r' || c === '\n') this.finish();
      else if (c >= ' ' && !(c >= '\u007f' && c <= '\u009f') && c !== '\ufeff') this.append(c);
    }
  }

  /** gap marks that something is missing. */
  gap(): void {
    if (!this.open.endsWith(MISSING)) this.append(MISSING);
  }

  /** rest finishes a line that nobody will go on with. */
  rest(): void {
    if (this.open) this.finish();
  }

  private append(c: string): void {
    if (this.count >= LONGEST) this.finish();
    this.open += c;
    this.count++;
  }

  private erase(): void {
    if (!this.open) {
      this.set(this.events.reopened() ?? '');
      return;
    }
    const last = this.open.charCodeAt(this.open.length - 1);
    this.open = this.open.slice(0, last >= 0xdc00 && last <= 0xdfff ? -2 : -1);
    this.count--;
  }

  private finish(): void {
    const text = this.open;
    this.set('');
    this.events.finished(text);
  }

  private set(text: string): void {
    this.open = text;
    this.count = Array.from(text).length;
  }
}
