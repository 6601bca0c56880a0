import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { edit, MISSING, Reader, size, skip } from './t140';
import { RealTimeText } from './text';

void test('an edit is backspaces and new text, by whole characters', () => {
  assert.equal(edit('', 'ciao'), 'ciao');
  assert.equal(edit('ciao', 'ciao a'), ' a');
  assert.equal(edit('gironi', 'giorni'), '\b\b\b\borni');
  assert.equal(edit('😀', '😁'), '\b😁', 'one for a character outside the first plane');
  assert.equal(edit('a😀', 'a'), '\b');
  assert.equal(edit('uguale', 'uguale'), '');
});

function reader(): { reader: Reader; lines: string[] } {
  const lines: string[] = [];
  return { lines, reader: new Reader({ finished: (text) => lines.push(text), reopened: () => lines.pop() ?? null }) };
}

void test('a reader makes lines of what is typed', () => {
  const { reader: r, lines } = reader();
  r.take('Buon gironi');
  r.take('\b\b\b\borno');
  assert.equal(r.open, 'Buon giorno');
  r.take(' 😀\b\u2028uno\r');
  r.take('\ndue\ntre');
  assert.deepEqual(lines, ['Buon giorno ', 'uno', 'due']);
  r.take('\b\b\b\b'); // three letters, and then the end of the line before
  assert.equal(r.open, 'due');
  assert.deepEqual(lines, ['Buon giorno ', 'uno']);
  r.take('\u001b[31m!\u0007\ufeff\u009b0m');
  assert.equal(r.open, 'due!', 'colours, the bell and byte order marks are not text');
  r.gap();
  r.gap();
  assert.equal(r.open, `due!${MISSING}`);
  r.rest();
  r.take('\b'.repeat(50));
  assert.equal(r.open, '');
  r.take('x'.repeat(1001));
  assert.equal(lines.at(-1)?.length, 1000, 'a line without an end is cut');
});

void test('places are counted in bytes', () => {
  assert.equal(size('è😀'), 6);
  assert.equal(skip('è😀x', 6), 'x');
  assert.equal(skip('x', 0), 'x');
});

class FakeChannel {
  readyState: RTCDataChannelState = 'connecting';
  readonly protocol = 't140';
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  readonly label: string;
  constructor(label: string) {
    this.label = label;
  }
  send(text: string): void {
    assert.equal(this.readyState, 'open');
    this.sent.push(text);
  }
  opens(): void {
    this.readyState = 'open';
    this.onopen?.();
  }
  close(): void {
    this.readyState = 'closed';
    this.onclose?.();
  }
}

function page(t: TestContext): {
  text: RealTimeText;
  channels: FakeChannel[];
  published: boolean[];
  heard: string[];
  from: (label: string) => FakeChannel;
} {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 100_000 });
  const channels: FakeChannel[] = [];
  const published: boolean[] = [];
  const heard: string[] = [];
  const text = new RealTimeText({
    channel: (label) => {
      const made = new FakeChannel(label);
      channels.push(made);
      return made as unknown as RTCDataChannel;
    },
    publish: (on) => published.push(on),
    nameOf: (peer) => peer.toUpperCase(),
    self: () => 'me',
    onChange: () => undefined,
    onLine: (line) => heard.push(`${line.name}: ${line.text}`),
  });
  const from = (label: string): FakeChannel => {
    const channel = new FakeChannel(label);
    assert.ok(text.channelOpened(channel as unknown as RTCDataChannel));
    return channel;
  };
  return { text, channels, published, heard, from };
}

void test('what is typed shows here at once and leaves within 300 ms', (t) => {
  const { text, channels, published } = page(t);
  text.type('not yet');
  assert.deepEqual(text.typing, [], 'nothing is sent or shown while text is off');
  text.switch(true);
  const channel = channels[0];
  assert.ok(channel);
  assert.equal(channel.label, 'text/0');
  channel.opens();
  text.type('c');
  text.type('ci');
  text.type('cia');
  assert.deepEqual(text.typing, [{ peer: 'me', name: 'ME', text: 'cia' }]);
  t.mock.timers.tick(300);
  assert.deepEqual(channel.sent.filter(Boolean), ['c', 'ia']);
  text.type('ci');
  text.finish();
  assert.deepEqual(channel.sent.filter(Boolean), ['c', 'ia', '\b', '\u2028'], 'the end of a line does not wait');
  assert.deepEqual(
    text.lines.map((l) => l.text),
    ['ci'],
  );
  text.type('x'.repeat(2500));
  t.mock.timers.tick(300);
  assert.ok(channel.sent.every((s) => s.length <= 1000));
  text.switch(false);
  assert.equal(channel.readyState, 'closed');
  assert.equal(channel.sent.at(-1), '\u2028');
  assert.deepEqual(published, [true, false]);
});

void test('after a break the last text is sent again, from its place on', (t) => {
  const { text, channels, published } = page(t);
  text.switch(true);
  channels[0]?.opens();
  text.type('perché');
  text.finish();
  channels[0]?.close();
  text.type('no');
  t.mock.timers.tick(300);
  text.connected();
  text.connected();
  assert.equal(channels.length, 2, 'one channel at a time');
  channels[1]?.opens();
  assert.equal(channels[1]?.label, 'text/0');
  assert.deepEqual(channels[1].sent, ['perché\u2028no']);
  // Much later only the end of it is kept.
  for (let i = 0; i < 20; i++) {
    text.type('è'.repeat(1000));
    text.finish();
  }
  channels[1].close();
  text.connected();
  channels[2]?.opens();
  const again = channels[2]?.sent.join('') ?? '';
  const whole = channels[1].sent.join('');
  assert.ok(whole.endsWith(again) && again.length < 20_000);
  assert.equal(channels[2]?.label, `text/${String(size(whole) - size(again))}`);
  // In a new seat all starts at 0, with the line that is being typed.
  text.type('ancora');
  t.mock.timers.tick(300);
  text.seated();
  text.connected();
  channels[3]?.opens();
  assert.equal(channels[3]?.label, 'text/0');
  assert.deepEqual(channels[3].sent, ['ancora']);
  assert.deepEqual(published, [true, true]);
});

void test('what comes again is skipped, what is missing is marked', (t) => {
  const { text, heard, from } = page(t);
  const first = from('text/anna/0');
  first.onmessage?.({ data: 'Perché 😀' });
  const second = from('text/anna/3');
  first.onmessage?.({ data: 'late' }); // the newest channel counts
  second.onmessage?.({ data: 'ch' });
  second.onmessage?.({ data: 'é 😀 s' });
  second.onmessage?.({ data: 'ì' });
  assert.equal(text.typing[0]?.text, 'Perché 😀 sì');
  const third = from('text/anna/100');
  third.onmessage?.({ data: 'fine\u2028resto' });
  assert.deepEqual(heard, [`ANNA: Perché 😀 sì${MISSING}fine`]);
  text.stopped('anna');
  assert.equal(heard.at(-1), 'ANNA: resto', 'a line left in the middle is finished');
  assert.deepEqual(text.typing, []);
  const other = new FakeChannel('file/x') as unknown as { protocol: string };
  other.protocol = '';
  assert.equal(text.channelOpened(other as unknown as RTCDataChannel), false);
});
