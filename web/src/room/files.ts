// The hand-over of files: what was offered by whom, which transfers run, and
// what to do when one breaks. The receiver decides; an interrupted file goes on
// from where it stopped.

import {
  MAX_FILE_NAME_CHARS,
  MAX_MEDIA_TYPE,
  type ClientMessage,
  type FileReceived,
  type Transfer,
  type TransferEnded,
} from '../protocol.gen';
import type { OfferedFile } from './state';
import { Receipt, sendFile } from './transfer';

export type IncomingStatus =
  'offered' | 'waiting' | 'receiving' | 'interrupted' | 'done' | 'damaged' | 'cancelled' | 'gone';
export type OutgoingStatus = 'sending' | 'sent' | 'delivered' | 'mismatch' | 'interrupted' | 'cancelled';

export interface Incoming {
  readonly file: OfferedFile;
  status: IncomingStatus;
  received: number;
  sha256: string;
  url: string;
}

export interface Delivery {
  readonly transfer: string;
  readonly peer: string;
  status: OutgoingStatus;
  sent: number;
  sha256: string;
}

export interface Outgoing {
  readonly file: OfferedFile;
  deliveries: Delivery[];
  sha256: string;
}

export interface FilesOptions {
  readonly send: (message: ClientMessage) => boolean;
  readonly channel: (label: string) => RTCDataChannel | null;
  readonly limit: () => number; // bytes
  readonly onChange: () => void;
  readonly onDone: (name: string, damaged: boolean) => void;
  readonly newId?: () => string;
}

const LABEL = 'file/';

interface Running {
  readonly message: Transfer;
  channel: RTCDataChannel | null;
}

export class Files {
  readonly incoming = new Map<string, Incoming>();
  readonly outgoing = new Map<string, Outgoing>();
  private readonly sources = new Map<string, File>();
  private readonly receipts = new Map<string, Receipt>();
  private readonly running = new Map<string, Running>();
  private readonly unsaid: FileReceived[] = []; // while the server could not be told
  private readonly early = new Map<string, RTCDataChannel>(); // came before their transfer message

  private readonly o: FilesOptions;

  constructor(o: FilesOptions) {
    this.o = o;
  }

  /** offer tells the room of a file; "too-large" and "empty" never leave this page. */
  offer(file: File, peer: string): 'offered' | 'too-large' | 'empty' | 'offline' {
    if (file.size > this.o.limit()) return 'too-large';
    if (file.size === 0) return 'empty';
    const id = (this.o.newId ?? (() => crypto.randomUUID()))();
    const name = Array.from(file.name).slice(-MAX_FILE_NAME_CHARS).join('');
    const mediaType = file.type.length <= MAX_MEDIA_TYPE ? file.type : '';
    const offered: OfferedFile = { seq: 0, id, peer, name, size: file.size, ...(mediaType ? { mediaType } : {}) };
    if (!this.o.send({ type: 'offerFile', id, name, size: file.size, ...(mediaType ? { mediaType } : {}) }))
      return 'offline';
    this.sources.set(id, file);
    this.outgoing.set(id, { file: offered, deliveries: [], sha256: '' });
    this.o.onChange();
    return 'offered';
  }

  /** sync takes over what the room offers now; what is done stays to be saved. */
  sync(files: readonly OfferedFile[], self: string): void {
    const present = new Set(files.map((f) => f.id));
    for (const file of files) {
      if (file.peer === self || this.sources.has(file.id) || this.incoming.has(file.id)) continue;
      this.incoming.set(file.id, { file, status: 'offered', received: 0, sha256: '', url: '' });
    }
    for (const item of this.incoming.values()) {
      if (!present.has(item.file.id) && item.status !== 'done' && item.status !== 'damaged') item.status = 'gone';
    }
    this.o.onChange();
  }

  accept(id: string): void {
    const item = this.incoming.get(id);
    if (!item) return;
    if (item.status === 'damaged') {
      this.receipts.delete(id); // nothing of it can be trusted: from the start
      item.received = 0;
    }
    const sent = this.o.send({ type: 'acceptFile', id, offset: item.received });
    item.status = sent ? 'waiting' : 'interrupted';
    this.o.onChange();
  }

  cancel(id: string): void {
    const item = this.incoming.get(id);
    for (const [transfer, run] of this.running) {
      if (run.message.file === id && run.message.direction === 'receive') this.end(transfer);
    }
    if (item) item.status = 'cancelled';
    this.o.onChange();
  }

  withdraw(id: string): void {
    this.o.send({ type: 'withdrawFile', id });
    for (const [transfer, run] of this.running) if (run.message.file === id) this.end(transfer);
    this.sources.delete(id);
    this.outgoing.delete(id);
    this.o.onChange();
  }

  /** started takes the server's word that a transfer begins. */
  started(message: Transfer): void {
    this.running.set(message.transfer, { message, channel: null });
    if (message.direction === 'send') void this.upload(message);
    else {
      const channel = this.early.get(message.transfer);
      this.early.delete(message.transfer);
      if (channel) this.download(message, channel);
    }
  }

  /** channelOpened takes a data channel that the server opened. */
  channelOpened(channel: RTCDataChannel): void {
    if (!channel.label.startsWith(LABEL)) return;
    const transfer = channel.label.slice(LABEL.length);
    const run = this.running.get(transfer);
    channel.binaryType = 'arraybuffer';
    if (run?.message.direction === 'receive') this.download(run.message, channel);
    else this.early.set(transfer, channel);
  }

  ended(message: TransferEnded): void {
    const run = this.running.get(message.transfer);
    this.early.delete(message.transfer);
    if (!run) return;
    this.forget(message.transfer);
    const { file, direction } = run.message;
    if (direction === 'receive') {
      const item = this.incoming.get(file);
      if (item && busy(item.status)) item.status = message.code === 'cancelled' ? 'cancelled' : 'interrupted';
    } else {
      const delivery = this.delivery(file, message.transfer);
      if (delivery && delivery.status !== 'delivered')
        delivery.status = message.code === 'cancelled' ? 'cancelled' : 'interrupted';
    }
    this.o.onChange();
  }

  /** refused is for a file that cannot be had any more. */
  refused(): void {
    for (const item of this.incoming.values()) if (item.status === 'waiting') item.status = 'gone';
    this.o.onChange();
  }

  delivered(transfer: string, sum: string): void {
    for (const out of this.outgoing.values()) {
      const delivery = out.deliveries.find((d) => d.transfer === transfer);
      if (!delivery) continue;
      delivery.sha256 = sum;
      delivery.status = sum === out.sha256 ? 'delivered' : 'mismatch';
      this.forget(transfer);
      this.o.onChange();
    }
  }

  /** goOn asks again for what a break interrupted, once the connection is back. */
  goOn(): void {
    for (const word of this.unsaid.splice(0)) if (!this.o.send(word)) this.unsaid.push(word);
    for (const [transfer, run] of this.running) {
      if (run.message.direction === 'receive' && run.channel?.readyState === 'open') continue;
      if (run.message.direction === 'receive') this.broke(transfer);
    }
    for (const item of this.incoming.values()) {
      if (item.status === 'interrupted' || (item.status === 'waiting' && !this.runs(item.file.id)))
        this.accept(item.file.id);
    }
  }

  close(): void {
    for (const run of this.running.values()) run.channel?.close();
    for (const item of this.incoming.values()) if (item.url) URL.revokeObjectURL(item.url);
    this.running.clear();
  }

  private async upload(message: Transfer): Promise<void> {
    const source = this.sources.get(message.file);
    const out = this.outgoing.get(message.file);
    const channel = source && out ? this.o.channel(LABEL + message.transfer) : null;
    if (!source || !out || !channel) {
      this.end(message.transfer);
      return;
    }
    const run = this.running.get(message.transfer);
    if (run) run.channel = channel;
    const delivery: Delivery = {
      transfer: message.transfer,
      peer: message.peer,
      status: 'sending',
      sent: message.offset,
      sha256: '',
    };
    out.deliveries = [...out.deliveries.filter((d) => d.peer !== message.peer || d.status === 'delivered'), delivery];
    this.o.onChange();
    try {
      out.sha256 = await sendFile(source, channel, message.offset, (sent) => {
        delivery.sent = sent;
        this.o.onChange();
      });
      if (delivery.status === 'sending') {
        delivery.sent = source.size;
        delivery.status = 'sent'; // delivered once the receiver has compared
      }
    } catch {
      // The file can have been changed or removed on disk, or the channel broke.
      if (delivery.status === 'sending') delivery.status = 'interrupted';
      this.end(message.transfer);
    }
    this.o.onChange();
  }

  private download(message: Transfer, channel: RTCDataChannel): void {
    const run = this.running.get(message.transfer);
    const item = this.incoming.get(message.file);
    if (!run || !item) return;
    let receipt = this.receipts.get(message.file);
    if (receipt?.received !== message.offset) {
      receipt = new Receipt(item.file.size);
      if (message.offset !== 0) {
        this.end(message.transfer); // not the offset we asked for: cannot be joined
        return;
      }
    }
    const taking = receipt;
    this.receipts.set(message.file, taking);
    run.channel = channel;
    item.status = 'receiving';
    channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') {
        channel.onclose = null; // it may end from now on
        void taking.matches(data).then((good) => {
          if (this.running.has(message.transfer)) this.completed(message, item, taking, good);
        });
        return;
      }
      const fits = taking.take(data);
      item.received = taking.received;
      if (fits) this.o.onChange();
      else this.completed(message, item, taking, false);
    };
    channel.onclose = () => {
      if (this.running.has(message.transfer)) this.broke(message.transfer);
    };
    this.o.onChange();
  }

  private completed(message: Transfer, item: Incoming, receipt: Receipt, good: boolean): void {
    item.sha256 = receipt.sha256;
    item.status = good ? 'done' : 'damaged';
    if (good) item.url = URL.createObjectURL(receipt.blob());
    if (receipt.sha256) {
      const word: FileReceived = { type: 'fileReceived', transfer: message.transfer, sha256: receipt.sha256 };
      if (!this.o.send(word)) this.unsaid.push(word);
    }
    this.receipts.delete(message.file);
    const run = this.running.get(message.transfer);
    this.running.delete(message.transfer);
    run?.channel?.close();
    this.o.onDone(item.file.name, !good);
    this.o.onChange();
  }

  private broke(transfer: string): void {
    const run = this.running.get(transfer);
    const item = run && this.incoming.get(run.message.file);
    this.forget(transfer);
    if (item && busy(item.status)) item.status = 'interrupted';
    this.o.onChange();
  }

  /** end stops a transfer from this side. */
  private end(transfer: string): void {
    this.o.send({ type: 'cancelTransfer', transfer });
    this.forget(transfer);
  }

  private forget(transfer: string): void {
    const run = this.running.get(transfer);
    this.running.delete(transfer);
    if (!run?.channel) return;
    run.channel.onclose = null;
    run.channel.onmessage = null;
    if (run.message.direction === 'receive' || run.channel.bufferedAmount === 0) run.channel.close();
  }

  private runs(file: string): boolean {
    return [...this.running.values()].some((r) => r.message.file === file && r.message.direction === 'receive');
  }

  private delivery(file: string, transfer: string): Delivery | undefined {
    return this.outgoing.get(file)?.deliveries.find((d) => d.transfer === transfer);
  }
}

const busy = (status: IncomingStatus): boolean => status === 'waiting' || status === 'receiving';
