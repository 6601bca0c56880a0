// Questions that need an answer before going on, as native modal dialogs: the
// browser keeps the focus inside and gives it back.

import { h } from './dom';
import { t } from './i18n';

export interface Question {
  readonly title: string;
  readonly body: string;
  readonly confirm: string;
  readonly danger?: boolean;
  /** Asks for a text beside the answer. */
  readonly field?: { readonly label: string; readonly required: boolean; readonly max: number };
}

/** ask gives the text of the field ("" without one), or null for no. */
export function ask(question: Question): Promise<string | null> {
  return new Promise((resolve) => {
    const id = `d${Math.random().toString(36).slice(2)}`;
    const field = question.field
      ? h('textarea', {
          id: `${id}f`,
          class: 'field',
          rows: 3,
          maxlength: question.field.max,
          required: question.field.required,
        })
      : null;
    const form = h(
      'form',
      { method: 'dialog' },
      h('h2', { id: `${id}t` }, question.title),
      h('p', {}, question.body),
      question.field && h('label', { for: `${id}f` }, question.field.label),
      field,
      h(
        'div',
        { class: 'dialog-buttons' },
        h(
          'button',
          { type: 'submit', value: 'no', class: 'btn btn-outline-primary', formnovalidate: true },
          t('room.dialog.back'),
        ),
        h(
          'button',
          { type: 'submit', value: 'yes', class: question.danger ? 'btn btn-danger' : 'btn btn-primary' },
          question.confirm,
        ),
      ),
    );
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': `${id}t` }, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes' ? (field?.value.trim() ?? '') : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
