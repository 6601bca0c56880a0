// The page that asks a busy address for a proof of work before it may take
// another place (ALTCHA's puzzle, SHA-256). The number is looked for in small
// batches, so that the page stays usable while it works.
import { solve, type Challenge } from './proof/solve';

async function prove(form: HTMLFormElement): Promise<void> {
  const field = form.elements.namedItem('prova');
  const status = form.querySelector<HTMLElement>('[data-proof-status]');
  if (!(field instanceof HTMLInputElement) || !status) return;
  status.textContent = form.dataset.working ?? '';
  const slow = setTimeout(() => {
    status.textContent = form.dataset.slow ?? '';
  }, 6000);
  const challenge = JSON.parse(form.dataset.proof ?? '') as Challenge;
  const number = await solve(challenge);
  clearTimeout(slow);
  if (number === undefined) {
    status.textContent = form.dataset.failed ?? '';
    return;
  }
  const { algorithm, challenge: hash, salt, signature } = challenge;
  field.value = JSON.stringify({ algorithm, challenge: hash, number, salt, signature });
  form.submit();
}

document.querySelectorAll<HTMLFormElement>('form[data-proof]').forEach((form) => void prove(form));
