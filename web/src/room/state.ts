// What the page knows of the room: a plain value, changed only by reduce.
// reduce also says what happened in words worth announcing, so that the same
// place decides for the eye and for the screen reader.

import type {
  ChatLine as ChatMessage,
  Connection,
  FileOffered as FileMessage,
  Joined,
  LobbyEntry,
  Participant as ParticipantMessage,
  Role,
  RoomInfo,
  ServerMessage,
  Source,
  Statistics,
} from '../protocol.gen';

export type Participant = Omit<ParticipantMessage, 'type'>;
export type ChatLine = Omit<ChatMessage, 'type'> & { pending?: boolean };
export type OfferedFile = Omit<FileMessage, 'type'>;

export interface Self {
  readonly peer: string;
  readonly name: string;
  readonly role: Role;
}

export interface RoomState {
  readonly self: Self;
  readonly room: RoomInfo | null;
  readonly participants: readonly Participant[];
  /** Whose media each receive slot carries; "" is a free slot. */
  readonly slots: readonly string[];
  readonly speaking: readonly string[];
  /** Who interprets, oneself perhaps among them. */
  readonly interpreters: readonly string[];
  /** How connections fare, by peer; those not in it are good. */
  readonly connections: Readonly<Partial<Record<string, Connection>>>;
  /** Slots whose camera or screen this side's own link has no room for. */
  /** How one's own media fares, in figures. */
  readonly statistics: Statistics | null;
  readonly paused: Readonly<Record<'cameras' | 'screens', readonly number[]>>;
  readonly lobby: readonly LobbyEntry[];
  readonly chat: readonly ChatLine[];
  readonly files: readonly OfferedFile[];
  /** Seq of the last event received, for a resume. */
  readonly seen: number;
}

/** Something that happened and that people should hear of. */
export type Notice =
  | {
      kind:
        | 'joined'
        | 'left'
        | 'reconnecting'
        | 'back'
        | 'screenOn'
        | 'screenOff'
        | 'textOn'
        | 'textOff'
        | 'interprets'
        | 'interpretsNot'
        | 'waiting';
      name: string;
    }
  | { kind: 'chat'; name: string; text: string }
  | { kind: 'file'; name: string; file: string };

export const emptyState: RoomState = {
  self: { peer: '', name: '', role: 'citizen' },
  room: null,
  participants: [],
  slots: [],
  speaking: [],
  interpreters: [],
  connections: {},
  statistics: null,
  paused: { cameras: [], screens: [] },
  lobby: [],
  chat: [],
  files: [],
  seen: 0,
};

export interface Step {
  readonly state: RoomState;
  readonly notices: readonly Notice[];
}

const quiet = (state: RoomState): Step => ({ state, notices: [] });

/** reduce takes one message in; messages that do not change the room give the same state. */
export function reduce(state: RoomState, message: ServerMessage): Step {
  switch (message.type) {
    case 'joined':
      return quiet(joined(state, message));
    case 'participant':
      return arrived(state, message);
    case 'left':
      return gone(state, message.peer);
    case 'lobby':
      return lobby(state, message.waiting);
    case 'assign':
      return quiet({ ...state, slots: assigned(state.slots, message.slot, message.peer) });
    case 'paused':
      return quiet({ ...state, paused: { cameras: message.cameras, screens: message.screens } });
    case 'interpreters':
      return interpreters(state, message.peers);
    case 'speaking':
      return quiet({ ...state, speaking: message.peers });
    case 'connection':
      return quiet({ ...state, connections: { ...state.connections, [message.peer]: message } });
    case 'statistics':
      return quiet({ ...state, statistics: message });
    case 'chatLine': {
      const fresh = !state.chat.some((c) => c.id === message.id);
      return {
        state: { ...state, chat: mergeChat(state.chat, [message]), seen: Math.max(state.seen, message.seq) },
        notices:
          fresh && message.peer !== state.self.peer ? [{ kind: 'chat', name: message.name, text: message.text }] : [],
      };
    }
    case 'fileOffered': {
      const fresh = !state.files.some((f) => f.id === message.id);
      return {
        state: {
          ...state,
          files: fresh ? [...state.files, message] : state.files.map((f) => (f.id === message.id ? message : f)),
          seen: Math.max(state.seen, message.seq),
        },
        notices:
          fresh && message.peer !== state.self.peer
            ? [{ kind: 'file', name: nameOf(state, message.peer), file: message.name }]
            : [],
      };
    }
    case 'fileWithdrawn':
      return quiet({ ...state, files: state.files.filter((f) => f.id !== message.id) });
    default:
      return quiet(state);
  }
}

/** addPending shows one's own line before the server has it. */
export function addPending(state: RoomState, id: string, text: string, at: string): RoomState {
  const line: ChatLine = {
    seq: Number.MAX_SAFE_INTEGER,
    id,
    peer: state.self.peer,
    name: state.self.name,
    text,
    at,
    pending: true,
  };
  return { ...state, chat: [...state.chat, line] };
}

/** nameOf is a person's name, or "" for somebody who is not here. */
export function nameOf(state: RoomState, peer: string): string {
  if (peer === state.self.peer) return state.self.name;
  return state.participants.find((p) => p.peer === peer)?.name ?? '';
}

/** publishes says whether somebody's source is on. */
export function publishes(participant: Participant, source: Source): boolean {
  return participant.publications.includes(source);
}

function joined(state: RoomState, message: Joined): RoomState {
  // A new seat starts with an empty room; a resumed one keeps what it had, as
  // only later lines come again.
  const kept = message.resumed ? state : { ...emptyState, chat: state.chat.filter((c) => c.pending) };
  const chat = message.chat;
  const files = message.files;
  return {
    ...kept,
    self: { peer: message.peer, name: message.name, role: message.role },
    room: message.room,
    participants: message.participants,
    interpreters: [], // told next, where there are any
    lobby: message.lobby,
    chat: mergeChat(kept.chat, chat),
    files,
    seen: Math.max(kept.seen, ...chat.map((c) => c.seq), ...files.map((f) => f.seq)),
  };
}

function arrived(state: RoomState, participant: Participant): Step {
  if (participant.peer === state.self.peer) return quiet(state);
  const before = state.participants.find((p) => p.peer === participant.peer);
  const name = participant.name;
  if (!before) {
    return {
      state: { ...state, participants: [...state.participants, participant] },
      notices: [{ kind: 'joined', name }],
    };
  }
  const notices: Notice[] = [];
  if (before.state !== participant.state)
    notices.push({ kind: participant.state === 'reconnecting' ? 'reconnecting' : 'back', name });
  const was = publishes(before, 'screen');
  const is = publishes(participant, 'screen');
  if (was !== is) notices.push({ kind: is ? 'screenOn' : 'screenOff', name });
  const wrote = publishes(before, 'text');
  const writes = publishes(participant, 'text');
  if (wrote !== writes) notices.push({ kind: writes ? 'textOn' : 'textOff', name });
  return {
    state: { ...state, participants: state.participants.map((p) => (p.peer === participant.peer ? participant : p)) },
    notices,
  };
}

function gone(state: RoomState, peer: string): Step {
  const name = nameOf(state, peer);
  return {
    state: {
      ...state,
      participants: state.participants.filter((p) => p.peer !== peer),
      slots: state.slots.map((p) => (p === peer ? '' : p)),
      speaking: state.speaking.filter((p) => p !== peer),
    },
    notices: name ? [{ kind: 'left', name }] : [],
  };
}

function interpreters(state: RoomState, peers: readonly string[]): Step {
  const news = (kind: 'interprets' | 'interpretsNot', of: readonly string[], not: readonly string[]): Notice[] =>
    of
      .filter((p) => !not.includes(p) && p !== state.self.peer)
      .map((p) => ({ kind, name: nameOf(state, p) }))
      .filter((n) => n.name !== ''); // who has left is not told of again
  return {
    state: { ...state, interpreters: peers },
    notices: [...news('interprets', peers, state.interpreters), ...news('interpretsNot', state.interpreters, peers)],
  };
}

function lobby(state: RoomState, waiting: readonly LobbyEntry[]): Step {
  const before = new Set(state.lobby.map((w) => w.session));
  return {
    state: { ...state, lobby: waiting },
    notices: waiting.filter((w) => !before.has(w.session)).map((w) => ({ kind: 'waiting', name: w.name })),
  };
}

function assigned(slots: readonly string[], slot: number, peer: string): readonly string[] {
  const next = slots.map((p) => (peer !== '' && p === peer ? '' : p)); // nobody is in two slots
  while (next.length <= slot) next.push('');
  next[slot] = peer;
  return next;
}

function mergeChat(have: readonly ChatLine[], more: readonly ChatLine[]): readonly ChatLine[] {
  const byId = new Map(have.map((c) => [c.id, c]));
  for (const line of more) byId.set(line.id, line);
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}
