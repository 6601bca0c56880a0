// Small helpers to build and keep up HTML without a framework. Text always
// goes in as text nodes, so what people type can never become markup.

type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Attributes = Record<string, Value>;

/** h makes an element: h("button", { class: "x", onclick: f }, "text"). */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  append(element, children);
  return element;
}

/** set changes attributes; true is the empty attribute, false and null take it away. */
export function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

export function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** show sets or removes the hidden attribute. */
export function show(element: HTMLElement, visible: boolean): void {
  if (element.hidden === visible) element.hidden = !visible;
}

/** text sets an element's text if it differs, so that live regions speak only of changes. */
export function text(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

/** A row that keeps its element while its item changes, and with it the focus. */
export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
  remove?(): void;
}

/** list returns a function that brings a container's rows in line with items, by key. */
export function list<T>(
  container: HTMLElement,
  key: (item: T) => string,
  make: (item: T) => Row<T>,
): (items: readonly T[]) => void {
  const rows = new Map<string, Row<T>>();
  return (items) => {
    const wanted = new Set(items.map(key));
    for (const [k, row] of rows) {
      if (wanted.has(k)) continue;
      row.remove?.();
      row.element.remove();
      rows.delete(k);
    }
    let previous: Element | null = null;
    for (const item of items) {
      let row = rows.get(key(item));
      if (!row) {
        row = make(item);
        rows.set(key(item), row);
      }
      row.update(item);
      const place: Element | null = previous ? previous.nextElementSibling : container.firstElementChild;
      if (place !== row.element) container.insertBefore(row.element, place);
      previous = row.element;
    }
  };
}
