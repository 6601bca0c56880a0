// Which calls are new between two looks at the board.

export interface Call {
  /** Ticket and how many-th call: a repeated call is a new one. */
  readonly key: string;
  readonly say: string;
}

export function shown(board: HTMLElement): Call[] {
  return [...board.querySelectorAll<HTMLElement>('[data-call]')].map((line) => ({
    key: line.dataset.call ?? '',
    say: line.dataset.say ?? '',
  }));
}

/** newCalls gives the calls that were not there before, the earliest first, as they were made. */
export function newCalls(before: readonly Call[], now: readonly Call[]): Call[] {
  const known = new Set(before.map((call) => call.key));
  // A line that moved up because another one closed is older than what is known.
  const newest = now.findIndex((call) => known.has(call.key));
  const fresh = newest < 0 ? now : now.slice(0, newest);
  return fresh.filter((call) => !known.has(call.key)).reverse();
}
