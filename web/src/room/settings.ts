// The choice of devices during a call.

import type { Devices, Kind } from './devices';
import { h } from './dom';
import { t } from './i18n';
import { fillSelect } from './preview';

export interface SettingsActions {
  changed(kind: Kind): Promise<void>;
  speaker(id: string): Promise<void>;
}

/** settings shows the dialog and ends when it is closed. */
export async function settings(devices: Devices, actions: SettingsActions): Promise<void> {
  const found = await devices.list();
  const speakers = (await navigator.mediaDevices.enumerateDevices()).filter(
    (d) => d.kind === 'audiooutput' && d.deviceId,
  );
  const choice = (kind: Kind): HTMLElement => {
    const select = h('select', {
      id: `set-${kind}`,
      class: 'field',
      onchange: () => {
        void devices.choose(kind, select.value).then(() => actions.changed(kind));
      },
    });
    fillSelect(select, kind, found[kind], devices.current(kind));
    return h('div', { class: 'device' }, h('label', { for: `set-${kind}` }, t(`room.device.${kind}`)), select);
  };
  const output = h('select', { id: 'set-speaker', class: 'field', onchange: () => void actions.speaker(output.value) });
  output.append(
    ...speakers.map((d, i) =>
      h(
        'option',
        { value: d.deviceId },
        d.label || t('room.device.numbered', { Name: t('room.device.speaker'), Number: i + 1 }),
      ),
    ),
  );
  const canChoose = 'setSinkId' in HTMLMediaElement.prototype && speakers.length > 0;
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'settings-title' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'settings-title' }, t('room.control.settings')),
      choice('microphone'),
      choice('camera'),
      canChoose && h('div', { class: 'device' }, h('label', { for: 'set-speaker' }, t('room.device.speaker')), output),
      h('p', { class: 'hint' }, t('room.settings.keys')),
      h(
        'div',
        { class: 'dialog-buttons' },
        h('button', { type: 'submit', class: 'btn btn-primary' }, t('room.settings.done')),
      ),
    ),
  );
  document.body.append(dialog);
  await new Promise<void>((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    });
    dialog.showModal();
  });
}
