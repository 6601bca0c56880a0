// The room's own line icons, drawn on a 24 by 24 grid.

const shapes = {
  mic: 'M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M8.5 21h7',
  micOff:
    'M9 9v2a3 3 0 0 0 4.6 2.5M15 10.5V6a3 3 0 0 0-5.7-1.3M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11a6.4 6.4 0 0 1-.6 2.7M12 17.5V21M8.5 21h7M3.5 3.5l17 17',
  camera:
    'M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.500v9a1.5 1.5 0 0 1-1.5 1.500h-9A1.5 1.5 0 0 1 3 16.500zM15 10.500l6-3.500v10l-6-3.5',
  cameraOff:
    'M9 6h4.500A1.5 1.5 0 0 1 15 7.500v4M15 15.500v1a1.5 1.5 0 0 1-1.5 1.500h-9A1.5 1.5 0 0 1 3 16.500v-9A1.5 1.5 0 0 1 4.5 6H5M15 10.500l6-3.500v10l-3-1.800M3 3l18 18',
  flip: 'M4 9a8.5 8.5 0 0 1 15-2.500L21 9M21 4v5h-5M20 15a8.5 8.5 0 0 1-15 2.500L3 15M3 20v-5h5',
  screen:
    'M3 5.500A1.5 1.5 0 0 1 4.5 4h15A1.5 1.5 0 0 1 21 5.500v10a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 15.500zM8.5 20.500h7M12 13.500V7.500M9.5 10L12 7.500l2.5 2.5',
  screenStop:
    'M3 5.500A1.5 1.5 0 0 1 4.5 4h15A1.5 1.5 0 0 1 21 5.500v10a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 15.500zM8.5 20.500h7M9.5 8l5 5M14.5 8l-5 5',
  chat: 'M4 5.500A1.5 1.5 0 0 1 5.5 4h13A1.5 1.5 0 0 1 20 5.500v9a1.5 1.5 0 0 1-1.5 1.500H10l-4.5 4v-4A1.5 1.5 0 0 1 4 14.500zM8 8.500h8M8 11.500h5',
  file: 'M19.5 11.500l-7.8 7.800a4.6 4.6 0 0 1-6.5-6.500l8.2-8.200a3 3 0 0 1 4.3 4.300l-8.1 8.100a1.5 1.5 0 0 1-2.1-2.100l7.3-7.3',
  document: 'M6 3.500h8l4.5 4.500v12.500H6zM14 3.500V8h4.500M9 12.500h6M9 16h6',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14a6.5 6.5 0 0 1 3.5 6',
  interpreter:
    'M8 12V5.500a1.5 1.5 0 0 1 3 0V11M11 10.500V4a1.5 1.5 0 0 1 3 0v6.500M14 11V5.500a1.5 1.5 0 0 1 3 0V14a7 7 0 0 1-7 7 6 6 0 0 1-5-2.700l-2.400-4a1.4 1.4 0 0 1 2.300-1.600L7 14.500V7.500a1 1 0 0 1 1-1',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  leave: 'M3 15.200c5-5 13-5 18 0l-2.2 2.6-3.6-1.600v-2.600a11 11 0 0 0-6.4 0v2.600l-3.6 1.600z',
  text: 'M3 6.500A1.5 1.5 0 0 1 4.5 5h15A1.5 1.5 0 0 1 21 6.500v11a1.5 1.5 0 0 1-1.5 1.500h-15A1.5 1.5 0 0 1 3 17.500zM7 9v.1M11 9v.1M15 9v.1M7 12.500h4M14.500 9v6M13 15h3',
  enter: 'M19.500 5v6.500a2 2 0 0 1-2 2H5M9 9l-4.500 4.500L9 18',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M4 12L20 4l-5 16-3.5-6.500zM11.5 13.500L20 4',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2',
  check: 'M5 12.500l4.5 4.500L19 7.5',
  warning: 'M12 4L2.5 20h19zM12 10v4.500M12 17.200v.1',
  download: 'M12 4v11M7.5 11L12 15.500l4.5-4.500M4.5 19.500h15',
  sound: 'M4 9.500v5h3.500l5 4v-13l-5 4zM16 9a4.5 4.5 0 0 1 0 6M18.5 6.500a8 8 0 0 1 0 11',
  away: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12h8',
  wifi: 'M3 9.500a13 13 0 0 1 18 0M6 13a8.5 8.5 0 0 1 12 0M9 16.300a4.3 4.3 0 0 1 6 0M12 19.500v.1',
} as const;

export type IconName = keyof typeof shapes;

const SVG = 'http://www.w3.org/2000/svg';

/** icon draws a symbol for the eye only; the text beside it is what is read out. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'ico');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', shapes[name]);
  svg.append(path);
  return svg;
}

/** swap puts another symbol where an icon stands. */
export function swap(parent: Element, name: IconName): void {
  const path = parent.querySelector('.ico path');
  if (path && path.getAttribute('d') !== shapes[name]) path.setAttribute('d', shapes[name]);
}
