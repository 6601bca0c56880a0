// The screen in a hall: whom the desks call, newest first, with a chime and a
// voice once somebody has pressed the button that browsers ask for. It hangs
// there for weeks: the board finds its connection again by itself, and nothing
// here grows with time.
import { newCalls, shown } from './hall/calls.ts';
import { Voice } from './hall/voice.ts';
import { liveBoard } from './staff/live.ts';

/** Posts the secret of the screen's link, and takes it out of the address bar. */
function openLink(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-secret]');
  const secret = location.hash.slice(1);
  const field = form?.elements.namedItem('secret');
  if (!/^[\w-]{20,}$/.test(secret)) return;
  history.replaceState(null, '', location.pathname);
  if (!form || !(field instanceof HTMLInputElement)) return; // open already
  field.value = secret;
  form.submit();
}

function announce(): void {
  const board = document.getElementById('live');
  const button = document.getElementById('sound');
  if (!board || !button) return;
  const voice = new Voice(document.documentElement.lang);
  const said = document.getElementById('said');
  // What stands there already was called before this screen opened.
  let seen = shown(board);
  board.addEventListener('fresh', () => {
    const now = shown(board);
    for (const call of newCalls(seen, now)) {
      if (said) said.textContent = call.say;
      board.querySelector(`[data-call="${CSS.escape(call.key)}"]`)?.classList.add('is-fresh');
      voice.call(call.say);
    }
    seen = now;
  });
  button.hidden = false;
  button.addEventListener('click', () => {
    voice.enable();
    voice.call(button.dataset.test ?? '');
    button.hidden = true;
    stayAwake();
  });
}

/** Asks that the screen does not go dark, where the browser can. */
function stayAwake(): void {
  const ask = (): void => {
    if ('wakeLock' in navigator && document.visibilityState === 'visible') {
      navigator.wakeLock.request('screen').catch(() => undefined); // the system may refuse: on low battery, say
    }
  };
  document.addEventListener('visibilitychange', ask);
  ask();
}

function clock(): void {
  const place = document.getElementById('clock');
  if (!place) return;
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
    timeZone: 'Europe/Rome',
  });
  window.setInterval(() => {
    place.textContent = format.format(new Date());
  }, 5_000);
}

openLink();
addEventListener('hashchange', openLink);
liveBoard();
announce();
clock();
