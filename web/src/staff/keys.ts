// Alt and a letter goes to the field or the button that has it as access key.
// Browsers do this too, but each with modifiers of its own: Firefox wants
// Shift as well. On a Mac, Option types letters, and the browser's own way
// (Ctrl and Option) stays the only one.
export function accessKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.getModifierState('AltGraph')) return;
    const key = event.key.toLowerCase();
    if (!/^[a-z]$/.test(key)) return;
    const target = document.querySelector<HTMLElement>(`[accesskey="${key}"]`);
    if (!target) return;
    event.preventDefault();
    target.focus();
    if (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement) target.click();
    else if (target instanceof HTMLInputElement && target.type !== 'radio') target.select();
  });
}
