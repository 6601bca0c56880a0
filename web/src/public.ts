// What makes the citizens' pages nicer where there is JavaScript. Nothing
// depends on it but the personal link, whose secret stands in the fragment.

/** Posts the secret of a personal link, and takes it out of the address bar. */
function openLink(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-secret]');
  const secret = location.hash.slice(1);
  const field = form?.elements.namedItem('secret');
  if (!form || !(field instanceof HTMLInputElement) || !/^[\w-]{20,}$/.test(secret)) return;
  history.replaceState(null, '', location.pathname);
  field.value = secret;
  form.submit();
}

/** Counts down how long the slot is held. */
function countdown(box: HTMLElement): void {
  const minutes = box.querySelector('[data-minutes]');
  const seconds = box.querySelector('[data-seconds]');
  const status = document.querySelector('[data-countdown-status]');
  if (!minutes || !seconds) return;
  // The server's count is right whatever this device's clock says.
  const left = (Number(minutes.textContent) * 60 + Number(seconds.textContent)) * 1000;
  const stop = performance.now() + left;
  let warned = false;
  const timer = setInterval(() => {
    const rest = Math.max(0, Math.round((stop - performance.now()) / 1000));
    minutes.textContent = String(Math.floor(rest / 60));
    seconds.textContent = String(rest % 60).padStart(2, '0');
    if (rest <= 120 && !warned) {
      warned = true;
      box.classList.add('is-short');
      if (status) status.textContent = box.dataset.soon ?? '';
    }
    if (rest === 0) {
      clearInterval(timer);
      box.classList.add('is-over');
      box.textContent = box.dataset.expired ?? '';
      if (status) status.textContent = box.dataset.expired ?? '';
    }
  }, 1000);
}

/** Sends a form once, however often its button is pressed. */
function once(form: HTMLFormElement): void {
  let sent = false;
  form.addEventListener('submit', (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // A page that comes back from the history can be sent again.
  addEventListener('pageshow', () => {
    sent = false;
  });
}

/** Shows a button that copies a text. */
function copier(button: HTMLButtonElement): void {
  const source = document.getElementById(button.dataset.copy ?? '');
  if (!source || !('clipboard' in navigator)) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(source.textContent.trim()).then(() => {
      button.textContent = button.dataset.done ?? '';
    });
  });
}

/** Says in which zone a time is, where this device's clock shows another. */
function zoneNote(note: HTMLElement): void {
  const at = new Date(note.dataset.at ?? '');
  const lang = document.documentElement.lang;
  const inZone = (timeZone?: string): string =>
    new Intl.DateTimeFormat(lang, { dateStyle: 'full', timeStyle: 'short', timeZone }).format(at);
  let here: string;
  try {
    here = inZone();
    if (here === inZone(note.dataset.zone)) return;
  } catch {
    return; // an old device that does not know the zone
  }
  const words = note.querySelector<HTMLElement>('[data-here]');
  if (words) words.textContent = (words.dataset.here ?? '').replace('{time}', here);
  note.hidden = false;
}

openLink();
addEventListener('hashchange', openLink);
document.querySelectorAll<HTMLElement>('[data-countdown]').forEach(countdown);
document.querySelectorAll<HTMLFormElement>('form[data-once]').forEach(once);
document.querySelectorAll<HTMLButtonElement>('[data-copy]').forEach(copier);
document.querySelectorAll<HTMLElement>('[data-zone]').forEach(zoneNote);
document.querySelector<HTMLElement>('[data-focus]')?.focus();
