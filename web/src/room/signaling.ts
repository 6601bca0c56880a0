// The WebSocket: it says hello and join, keeps itself alive, and comes back by
// itself after a drop. What a message means is not its concern.

import { PROTOCOL_VERSION, type ClientMessage, type Hello, type Join, type ServerMessage } from '../protocol.gen';
import { decode } from './protocol';

export type LinkState = 'connecting' | 'open' | 'down' | 'stopped';

export interface SignalingOptions {
  readonly url: string;
  /** The join of this moment: with the resume secret where there is one. */
  readonly join: () => Join;
  readonly onMessage: (message: ServerMessage) => void;
  readonly onLink: (state: LinkState) => void;
}

const PING_EVERY = 10_000;
const SILENCE = 25_000; // no frame for so long: the socket is dead, whatever the browser thinks
const OPEN_WITHIN = 10_000;

/** backoff is the pause before a further attempt, in ms: short first, then up to 8 s. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  if (attempt <= 0) return 0;
  return Math.min(8000, 250 * 2 ** attempt) * (0.75 + random() / 2);
}

export class Signaling {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private retry = 0;
  private pulse = 0;
  private heard = 0;
  private pings = 0;
  private stopped = false;
  private joinedOnce = false;
  private readonly online = (): void => {
    this.now();
  };

  private readonly o: SignalingOptions;

  constructor(o: SignalingOptions) {
    this.o = o;
  }

  start(): void {
    addEventListener('online', this.online);
    this.open();
  }

  /** send says whether the message went out; while the link is down it does not. */
  send(message: ClientMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN || !this.joinedOnce) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** stop closes for good. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    removeEventListener('online', this.online);
    this.drop(1000);
    this.o.onLink('stopped');
  }

  /** again leaves the present socket and opens another at once. */
  again(): void {
    if (this.stopped) return;
    this.drop();
    this.open();
  }

  /** now stops waiting for the next attempt. */
  private now(): void {
    if (!this.stopped && !this.socket) this.open();
  }

  private open(): void {
    clearTimeout(this.retry);
    this.o.onLink('connecting');
    const socket = new WebSocket(this.o.url);
    this.socket = socket;
    this.joinedOnce = false;
    this.heard = Date.now();
    const timeout = window.setTimeout(() => {
      this.lost(socket);
    }, OPEN_WITHIN);
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      this.heard = Date.now();
      const message = decode(event.data);
      if (message?.type === 'hello') {
        clearTimeout(timeout);
        this.greet(socket, message);
      } else if (message) {
        if (message.type === 'waiting' || message.type === 'joined') this.attempt = 0;
        this.o.onMessage(message);
      }
    };
    socket.onclose = () => {
      clearTimeout(timeout);
      this.lost(socket);
    };
  }

  private greet(socket: WebSocket, hello: Hello): void {
    this.o.onMessage(hello);
    if (hello.version !== PROTOCOL_VERSION || this.socket !== socket) return;
    socket.send(JSON.stringify(this.o.join()));
    this.joinedOnce = true;
    this.o.onLink('open');
    clearInterval(this.pulse);
    this.pulse = window.setInterval(() => {
      if (Date.now() - this.heard > SILENCE) this.lost(socket);
      else this.send({ type: 'ping', id: ++this.pings });
    }, PING_EVERY);
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket || this.stopped) return;
    this.drop();
    this.o.onLink('down');
    this.attempt++;
    this.retry = window.setTimeout(() => {
      this.now();
    }, backoff(this.attempt));
  }

  private drop(code?: number): void {
    clearTimeout(this.retry);
    clearInterval(this.pulse);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close(code);
  }
}
