// Buttons that copy the field they name: shown only where they can work.
export function copyButtons(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    const field = document.getElementById(button.dataset.copy ?? '');
    if (!(field instanceof HTMLInputElement)) continue;
    button.hidden = false;
    button.addEventListener('click', () => {
      field.select();
      // Without HTTPS there is no clipboard: the text is selected, to be copied by key.
      if (!window.isSecureContext) return;
      void navigator.clipboard.writeText(field.value).then(() => {
        button.textContent = button.dataset.copied ?? button.textContent;
      });
    });
  }
}
