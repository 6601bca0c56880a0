// A board that keeps itself up to date for as long as it is open: events tell
// that something changed, and the board asks for its part of the page anew.
import { swap } from './swap.ts';

// Events that come together cost one request.
const gatherMs = 150;
// People become late without any event; and what was missed is found again.
const everyMs = 60_000;
// How long to wait before trying again, at first and at most.
const retryMs = 2_000;
const retryMaxMs = 60_000;

type Health = 'ok' | 'lost' | 'out';

export function liveBoard(): void {
  const board = document.getElementById('live');
  const part = board?.dataset.live;
  const events = board?.dataset.events;
  if (!board || part === undefined || events === undefined) return;
  new Board(board, part, events).start();
}

class Board {
  private source: EventSource | undefined;
  private timer: number | undefined;
  private wait = retryMs;
  private loading = false;
  private again = false;
  private readonly bar = document.getElementById('live-bar');
  private readonly board: HTMLElement;
  private readonly part: string;
  private readonly events: string;

  constructor(board: HTMLElement, part: string, events: string) {
    this.board = board;
    this.part = part;
    this.events = events;
  }

  start(): void {
    this.open();
    window.setInterval(() => {
      this.soon();
    }, everyMs);
    // A laptop that slept, a tab that comes back, a network that changed.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.soon();
    });
    window.addEventListener('online', () => {
      this.open();
    });
    window.addEventListener('pagehide', () => {
      this.source?.close();
    });
    window.addEventListener('pageshow', (event) => {
      if (event.persisted) this.open();
    });
    this.board.addEventListener('submit', (event) => {
      this.submit(event);
    });
  }

  private open(): void {
    this.source?.close();
    const source = new EventSource(this.events);
    this.source = source;
    const changed = (): void => {
      this.soon();
    };
    source.addEventListener('open', () => {
      this.wait = retryMs;
      this.show('ok');
      this.soon(); // what changed while nobody listened
    });
    for (const name of ['agenda', 'presence', 'resync']) source.addEventListener(name, changed);
    source.addEventListener('error', () => {
      // The browser tries again by itself, unless the answer was no stream.
      if (source.readyState !== EventSource.CLOSED) {
        this.soon();
        return;
      }
      this.soon();
      window.setTimeout(() => {
        if (this.source === source) this.open();
      }, this.wait);
      this.wait = Math.min(this.wait * 2, retryMaxMs);
    });
  }

  private soon(): void {
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, gatherMs);
  }

  private async load(): Promise<void> {
    if (this.loading) {
      this.again = true;
      return;
    }
    this.loading = true;
    try {
      const answer = await fetch(this.part, { headers: { 'X-Fragment': '1' }, redirect: 'error' });
      if (answer.status === 401) this.show('out');
      else if (answer.ok) {
        swap(this.board, await answer.text());
        this.board.dispatchEvent(new Event('fresh'));
        this.show('ok');
      } else this.show('lost');
    } catch {
      this.show('lost');
    }
    this.loading = false;
    if (this.again) {
      this.again = false;
      this.soon();
    }
  }

  // A button of a row works without a reload: the answer is the whole page,
  // and of it we take the board and the sentence about what was done.
  private submit(event: SubmitEvent): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.quiet === undefined) return;
    event.preventDefault();
    void this.send(form);
  }

  private async send(form: HTMLFormElement): Promise<void> {
    try {
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value);
      const answer = await fetch(form.action, { method: 'POST', body });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const board = page.getElementById('live');
      if (!answer.ok || !board) throw new Error('no board in the answer');
      swap(this.board, board.innerHTML);
      const flash = document.getElementById('flash');
      if (flash) flash.innerHTML = page.getElementById('flash')?.innerHTML ?? '';
    } catch {
      form.submit(); // the plain way shows what is wrong
    }
  }

  private show(health: Health): void {
    const bar = this.bar;
    const text = document.getElementById('live-text');
    const login = document.getElementById('live-login');
    if (!bar || !text) return;
    const said = bar.dataset[health] ?? '';
    bar.hidden = false;
    bar.classList.toggle('st-live-lost', health !== 'ok');
    if (login) login.hidden = health !== 'out';
    if (text.textContent !== said) text.textContent = said;
    // Only trouble is worth interrupting somebody who listens.
    bar.setAttribute('role', health === 'ok' ? 'note' : 'alert');
  }
}
