// swap puts new HTML of our own server into a part of the page and leaves the
// reader where they are: focus stays on the element of the same id, an opened
// <details> stays open.
export function swap(target: HTMLElement, html: string): void {
  const active = document.activeElement;
  const id = active instanceof HTMLElement && target.contains(active) ? active.id : '';
  const open = new Set<string>();
  for (const summary of target.querySelectorAll<HTMLElement>('details[open] > summary[id]')) open.add(summary.id);
  // Parsed apart, so that nothing in it runs: the policy allows no inline script anyway.
  const fresh = new DOMParser().parseFromString(html, 'text/html');
  target.replaceChildren(...fresh.body.childNodes);
  for (const summary of open) {
    const details = document.getElementById(summary)?.parentElement;
    if (details instanceof HTMLDetailsElement) details.open = true;
  }
  if (id === '') return;
  const again = document.getElementById(id);
  if (again) again.focus({ preventScroll: true });
  else {
    // What had the focus is done with: its list takes it, not the page's top.
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  }
}
