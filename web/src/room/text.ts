// Real-time text over the room's data channels (RFC 8865): one for what is
// typed here, one from the server for each other person who types. A channel's
// label says at which place of the person's text it begins, so that a new one
// after a break doubles nothing and loses nothing that was kept.

import { edit, LINE, Reader, size, skip } from './t140';

const PROTOCOL = 't140';
const LABEL = 'text/';
const EVERY = 250; // ms between two messages; EN 301 549, 6.2.4, allows 500
const TAIL = 8_000; // characters of one's own text that are sent again after a break
const PIECE = 1_000; // characters of one message: at most 4,096 bytes
const REMEMBERED = 500; // lines

export interface TextLine {
  readonly key: string;
  readonly peer: string;
  readonly name: string;
  readonly text: string;
  readonly at: Date;
}

export interface Typing {
  readonly peer: string;
  readonly name: string;
  readonly text: string;
}

export interface TextOptions {
  /** Opens a channel; null while there is no connection. */
  readonly channel: (label: string, protocol: string) => RTCDataChannel | null;
  /** Tells the room that this person has switched text on or off. */
  readonly publish: (on: boolean) => void;
  readonly nameOf: (peer: string) => string;
  readonly self: () => string;
  readonly onChange: () => void;
  /** A line of somebody else is finished. */
  readonly onLine: (line: TextLine) => void;
}

interface Person {
  readonly reader: Reader;
  have: number; // bytes of this person's text
  channel: RTCDataChannel | null;
}

export class RealTimeText {
  /** Finished lines of everybody, in the order they were finished here. */
  lines: readonly TextLine[] = [];
  on = false;
  private readonly people = new Map<string, Person>();
  private channel: RTCDataChannel | null = null;
  private line = ''; // one's own, as it stands in the field
  private sent = ''; // as the others have it
  private tail = ''; // the end of all that was sent
  private total = 0; // bytes of all that was sent
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastSent = 0;
  private count = 0;

  private readonly o: TextOptions;

  constructor(o: TextOptions) {
    this.o = o;
  }

  /** typing lists the lines that are being typed, one's own last. */
  get typing(): readonly Typing[] {
    const others = [...this.people]
      .filter(([, p]) => p.reader.open)
      .map(([peer, p]) => ({ peer, name: this.o.nameOf(peer), text: p.reader.open }));
    if (!this.line) return others;
    const self = this.o.self();
    return [...others, { peer: self, name: this.o.nameOf(self), text: this.line }];
  }

  switch(on: boolean): void {
    if (this.on === on) return;
    if (!on) this.finish();
    this.on = on;
    this.o.publish(on);
    if (on) this.open();
    else {
      this.channel?.close(); // once all is sent
      this.channel = null;
    }
    this.o.onChange();
  }

  /** type takes one's own line as it stands now. */
  type(line: string): void {
    if (!this.on || line === this.line) return;
    this.line = line;
    const wait = EVERY - (Date.now() - this.lastSent);
    if (wait <= 0) this.flush();
    else
      this.timer ??= setTimeout(() => {
        this.flush();
      }, wait);
    this.o.onChange();
  }

  /** finish ends one's own line. */
  finish(): void {
    if (!this.line) return;
    this.flush();
    this.write(LINE);
    const self = this.o.self();
    this.push(self, this.line);
    this.line = '';
    this.sent = '';
    this.o.onChange();
  }

  /** connected opens one's own channel on a connection that is new or was none. */
  connected(): void {
    const state = this.channel?.readyState;
    if (this.on && state !== 'open' && state !== 'connecting') this.open();
  }

  /** seated starts one's own text anew: in a new seat the server knows nothing of it. */
  seated(): void {
    this.tail = '';
    this.total = 0;
    this.sent = '';
    this.channel = null;
    if (this.on) this.o.publish(true);
    if (this.line) this.flush();
  }

  /** channelOpened takes a channel of the server, if it is one of text. */
  channelOpened(channel: RTCDataChannel): boolean {
    if (channel.protocol !== PROTOCOL) return false;
    const [, peer = '', place = ''] = channel.label.split('/');
    const from = Number(place) || 0;
    const person = this.person(peer);
    person.channel = channel;
    let known = person.have - from; // bytes that come again
    if (known < 0) {
      person.reader.gap();
      person.have = from;
      known = 0;
      this.o.onChange();
    }
    channel.onmessage = (event: MessageEvent<string>) => {
      if (person.channel !== channel || typeof event.data !== 'string') return;
      const bytes = size(event.data);
      const fresh = skip(event.data, known);
      person.have += Math.max(0, bytes - known);
      known = Math.max(0, known - bytes);
      person.reader.take(fresh);
      this.o.onChange();
    };
    return true;
  }

  /** stopped finishes the line of somebody who has left or switched text off. */
  stopped(peer: string): void {
    this.people.get(peer)?.reader.rest();
    this.o.onChange();
  }

  close(): void {
    clearTimeout(this.timer);
    this.channel?.close();
    for (const person of this.people.values()) if (person.channel) person.channel.onmessage = null;
  }

  private person(peer: string): Person {
    const known = this.people.get(peer);
    if (known) return known;
    const reader = new Reader({
      finished: (text) => {
        if (!text) return; // an empty line says nothing
        this.o.onLine(this.push(peer, text));
      },
      reopened: () => {
        const last = this.lines.findLast((l) => l.peer === peer);
        if (last) this.lines = this.lines.filter((l) => l !== last);
        return last?.text ?? null;
      },
    });
    const person: Person = { reader, have: 0, channel: null };
    this.people.set(peer, person);
    return person;
  }

  private push(peer: string, text: string): TextLine {
    const line = { key: String(this.count++), peer, name: this.o.nameOf(peer), text, at: new Date() };
    this.lines = [...this.lines, line].slice(-REMEMBERED);
    return line;
  }

  private open(): void {
    const channel = this.o.channel(LABEL + String(this.total - size(this.tail)), PROTOCOL);
    this.channel = channel;
    if (!channel) return; // connected tries again
    channel.onopen = () => {
      this.send(this.tail);
    };
    channel.onclose = () => {
      if (this.channel === channel) this.channel = null;
    };
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const change = edit(this.sent, this.line);
    this.sent = this.line;
    if (!change) return;
    this.lastSent = Date.now();
    this.write(change);
  }

  private write(text: string): void {
    this.total += size(text);
    this.tail += text;
    if (this.channel?.readyState === 'open') this.send(text);
    // While a channel opens, its label has said where the tail begins.
    if (this.channel?.readyState !== 'connecting' && this.tail.length > 2 * TAIL) this.tail = end(this.tail);
  }

  private send(text: string): void {
    const characters = Array.from(text);
    for (let at = 0; at < characters.length; at += PIECE) this.channel?.send(characters.slice(at, at + PIECE).join(''));
  }
}

/** end is the last part of a text, in whole characters. */
function end(text: string): string {
  const from = text.length - TAIL;
  const c = text.charCodeAt(from);
  return text.slice(c >= 0xdc00 && c <= 0xdfff ? from + 1 : from);
}
