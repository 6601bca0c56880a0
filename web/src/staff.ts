// The consoles work without this script: each is a page of forms. It keeps a
// board up to date by itself, and spares an operator the reloads.
import { copyButtons } from './staff/copy.ts';
import { accessKeys } from './staff/keys.ts';
import { liveBoard } from './staff/live.ts';
import { sendOnce } from './staff/once.ts';
import { phoneDesk } from './staff/phonedesk.ts';
import { scanner } from './staff/scan.ts';

accessKeys();
liveBoard();
sendOnce();
phoneDesk();
copyButtons();
scanner();

// A filter shows its list as soon as it is chosen.
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-auto]')) {
  form.addEventListener('change', () => {
    form.requestSubmit();
  });
}
