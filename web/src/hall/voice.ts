// A chime and, where the browser has a voice, the spoken call: one after the
// other, however many come together.

// An utterance whose end is never reported (it happens) must not hold up the rest.
const speechMs = 12_000;
// A queue longer than this says what nobody waits for any more.
const queueMost = 4;
const chimeMs = 1_100;

export class Voice {
  private context: AudioContext | undefined;
  private waiting: string[] = [];
  private busy = false;
  private readonly language: string;

  constructor(language: string) {
    this.language = language;
  }

  /** enable must run within a click: browsers allow sound from then on. */
  enable(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
  }

  call(text: string): void {
    if (!this.context || text === '') return;
    this.waiting.push(text);
    this.waiting = this.waiting.slice(-queueMost);
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    for (let text = this.waiting.shift(); text !== undefined; text = this.waiting.shift()) {
      await this.chime();
      await this.speak(text);
    }
    this.busy = false;
  }

  /** Two tones, a third apart, like the bell of a counter. */
  private async chime(): Promise<void> {
    const context = this.context;
    if (!context) return;
    // A device that slept or lost its output leaves the context suspended;
    // the promise may then never settle, and is not waited for.
    if (context.state !== 'running') void context.resume();
    const tones = [
      [659.25, 0],
      [523.25, 0.35],
    ] as const;
    for (const [hertz, after] of tones) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      const start = context.currentTime + after;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.0001, start);
      volume.gain.exponentialRampToValueAtTime(0.5, start + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.7);
      tone.connect(volume).connect(context.destination);
      tone.start(start);
      tone.stop(start + 0.75);
    }
    await pause(chimeMs);
  }

  private async speak(text: string): Promise<void> {
    if (!('speechSynthesis' in window)) return;
    const words = new SpeechSynthesisUtterance(text);
    words.lang = this.language === 'en' ? 'en-GB' : 'it-IT';
    words.rate = 0.9;
    const over = new Promise<void>((done) => {
      words.addEventListener('end', () => {
        done();
      });
      words.addEventListener('error', () => {
        done();
      });
    });
    window.speechSynthesis.cancel(); // what hangs from before
    window.speechSynthesis.speak(words);
    await Promise.race([over, pause(speechMs)]);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => window.setTimeout(done, ms));
}
