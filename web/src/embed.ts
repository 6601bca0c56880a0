// On pages of the town's site: turns <a data-sportello href="…/it/prenota?…">
// into a card with the next free time. It sets no cookies, opens no frames and
// needs nothing of the page's policy but script-src and connect-src of our
// origin. Where it does not run, or we are away, the link is a link.

const script = document.currentScript;
const ours = script instanceof HTMLScriptElement ? new URL(script.src).origin : '';

// By the CSSOM: a page that forbids inline styles allows this. Colours and
// letters are the page's own.
const look = `.sportello-card{display:inline-flex;flex-direction:column;gap:.5rem;max-width:100%;box-sizing:border-box;padding:1rem;border:1px solid currentColor;border-radius:.5rem}
.sportello-next{font-size:.9em;overflow-wrap:anywhere}`;

let cards = 0;

async function dress(link: HTMLAnchorElement): Promise<void> {
  const to = new URL(link.href);
  if (to.origin !== ours || link.closest('.sportello-card')) return;
  const ask = new URL('/embed/next', ours);
  ask.search = to.search;
  ask.searchParams.set('lang', to.pathname.split('/')[1] ?? 'it');
  const response = await fetch(ask, { credentials: 'omit', referrerPolicy: 'no-referrer' });
  if (!response.ok) return;
  const { text } = (await response.json()) as { text: string };
  const card = document.createElement('span');
  card.className = 'sportello-card';
  const next = document.createElement('span');
  next.className = 'sportello-next';
  next.id = `sportello-next-${String((cards += 1))}`;
  next.lang = ask.searchParams.get('lang') ?? '';
  next.textContent = text;
  link.replaceWith(card);
  link.setAttribute('aria-describedby', next.id);
  card.append(link, next);
}

function start(): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('a[data-sportello]')];
  if (links.length === 0) return;
  if ('adoptedStyleSheets' in document) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(look);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  // Away, or refused: the link stays as it is.
  for (const link of links) dress(link).catch(() => undefined);
}

start();
