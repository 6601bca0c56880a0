// A form is sent once, however often its button or Enter is pressed: the second
// walk-in, or the answer that the caller has this appointment already, would be what
// the first one's page is overwritten with.

/** As long as the server takes for a page, in ms; then a form may be sent again. A download leaves the page where it is. */
const ANSWER = 12_000;

/** sendings says, of a form and a moment in ms, whether it may be sent; forget lets all be sent again. */
export function sendings(): { may: (form: object, at: number) => boolean; forget: () => void } {
  let sent = new WeakMap<object, number>();
  return {
    may: (form, at) => {
      const before = sent.get(form);
      if (before !== undefined && at - before < ANSWER) return false;
      sent.set(form, at);
      return true;
    },
    forget: () => {
      sent = new WeakMap();
    },
  };
}

/** sendOnce watches all forms of the page that change something; those that a script sends, and those that open another page, are left alone. */
export function sendOnce(): void {
  const { may, forget } = sendings();
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method !== 'post' || form.target) return;
    if (!may(form, event.timeStamp)) event.preventDefault();
  });
  // A page that comes back from the history can be sent again.
  addEventListener('pageshow', forget);
}
