// The operator's page without reloads: choosing a service or looking for the
// caller changes its part of the page, and what is typed elsewhere stays.
import { swap } from './swap.ts';

export function phoneDesk(): void {
  const slots = document.getElementById('slots');
  const found = document.getElementById('found');
  const service = document.getElementById('service-form');
  const caller = document.getElementById('caller-form');
  if (!slots || !found || !(service instanceof HTMLFormElement) || !(caller instanceof HTMLFormElement)) return;

  let asked = 0;
  const findSlots = async (search: string, focus: boolean): Promise<void> => {
    const mine = ++asked;
    const answer = await fetch(`${service.action}/orari?${search}`, { headers: { 'X-Fragment': '1' } });
    if (!answer.ok) throw new Error('no slots');
    const html = await answer.text();
    if (mine !== asked) return; // a later question has been asked
    swap(slots, html);
    if (focus) slots.querySelector<HTMLInputElement>('input[type=radio]')?.focus();
    carry(slots, caller);
    carry(slots, service); // the service's whole name, where a few letters were typed
  };

  service.addEventListener('submit', (event) => {
    event.preventDefault();
    findSlots(query(service), true).catch(() => {
      service.submit();
    });
  });

  // Picking from the list is enough: no Enter needed.
  const names = new Set([...document.querySelectorAll<HTMLOptionElement>('#servizi option')].map((o) => o.value));
  document.getElementById('servizio')?.addEventListener('input', (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !names.has(field.value)) return;
    findSlots(query(service), false).catch(() => undefined);
  });

  slots.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link?.search) return;
    event.preventDefault();
    findSlots(link.search.slice(1), true).catch(() => {
      window.location.assign(link.href);
    });
  });

  caller.addEventListener('submit', (event) => {
    event.preventDefault();
    fetch(caller.action, { method: 'POST', body: body(caller), headers: { 'X-Fragment': '1' } })
      .then(async (answer) => {
        if (!answer.ok) throw new Error('no answer');
        swap(found, await answer.text());
        found.querySelector<HTMLElement>('button, a')?.focus();
      })
      .catch(() => {
        caller.submit();
      });
  });

  // Choosing a known caller fills the form in.
  found.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.fill === undefined) return;
    event.preventDefault();
    for (const [name, value] of new FormData(form)) {
      if (typeof value !== 'string' || !['nome', 'cognome', 'telefono', 'email', 'lingua'].includes(name)) continue;
      fill(name, value);
    }
    document.getElementById('nome')?.focus();
  });
}

function fill(name: string, value: string): void {
  if (name === 'lingua') {
    const radio = document.querySelector<HTMLInputElement>(
      `#book-form input[name=lingua][value=${value === 'en' ? 'en' : 'it'}]`,
    );
    if (radio) radio.checked = true;
    return;
  }
  const field = document.getElementById(name);
  if (field instanceof HTMLInputElement) field.value = value;
}

// carry takes the service that was found over into another form.
function carry(from: HTMLElement, to: HTMLFormElement): void {
  for (const name of ['servizio', 'dal']) {
    const source = from.querySelector<HTMLInputElement>(`input[name=${name}]`);
    const target = to.querySelector<HTMLInputElement>(`input[name=${name}]`);
    // A field that is being typed in is its typist's.
    if (source && target && target !== document.activeElement) target.value = source.value;
  }
}

function body(form: HTMLFormElement): URLSearchParams {
  const out = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') out.append(name, value);
  return out;
}

function query(form: HTMLFormElement): string {
  return body(form).toString();
}
