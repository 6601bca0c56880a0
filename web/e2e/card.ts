// A test card: a page full of small random text, and a reader that tells from
// what is left of it after a trip which letters it shows. The reader knows the
// typeface and where each letter stands, and nothing else.

import type { Page } from 'playwright-core';

export const CARD = { title: 'Tavola di prova', width: 1920, height: 1080 };

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const CELL = { width: 10, height: 20, font: '14px monospace' };
const COLUMNS = 190;
const ROWS = 50; // what is left below moves

/** text gives a card's lines. */
export function cardText(): string[] {
  const letter = (): string => LETTERS.charAt(Math.floor(Math.random() * LETTERS.length));
  return Array.from({ length: ROWS }, () => Array.from({ length: COLUMNS }, letter).join(''));
}

/** showCard makes a page of its own a card; at its foot a bar moves, so that there is always a next frame. */
export async function showCard(page: Page, lines: readonly string[]): Promise<void> {
  await page.setViewportSize({ width: CARD.width, height: CARD.height });
  await page.setContent(`<title>${CARD.title}</title><body style="margin:0;background:#fff"></body>`);
  await page.evaluate(
    ({ lines, cell, card }) => {
      const canvas = document.createElement('canvas');
      Object.assign(canvas, { width: card.width, height: card.height });
      canvas.style.display = 'block';
      document.body.append(canvas);
      const c = canvas.getContext('2d');
      if (!c) throw new Error('no canvas');
      c.fillStyle = '#fff';
      c.fillRect(0, 0, card.width, card.height);
      c.fillStyle = '#000';
      c.font = cell.font;
      c.textBaseline = 'middle';
      for (const [row, line] of lines.entries())
        for (const [column, letter] of Array.from(line).entries())
          c.fillText(letter, column * cell.width, (row + 0.5) * cell.height);
      let x = 0;
      setInterval(() => {
        c.fillStyle = '#fff';
        c.fillRect(0, card.height - 40, card.width, 40);
        c.fillStyle = '#06c';
        c.fillRect((x = (x + 20) % card.width), card.height - 40, 80, 40);
      }, 66);
    },
    { lines, cell: CELL, card: CARD },
  );
}

export interface Reading {
  readonly width: number;
  readonly height: number;
  readonly lines: string[];
  /** How like the letters are to those of the typeface: the correlation, of the worst one and on average. */
  readonly worst: number;
  readonly mean: number;
}

/** readCard reads the picture that a video element shows now. */
export async function readCard(page: Page, video: string): Promise<Reading> {
  return page.evaluate(
    ({ video, letters, cell, columns, rows }) => {
      const { width: w, height: h } = cell;
      const canvas = document.createElement('canvas');
      const c = canvas.getContext('2d', { willReadFrequently: true });
      const element = document.querySelector<HTMLVideoElement>(video);
      if (!c || !element) throw new Error(`no ${video}`);

      /** pattern is the brightness of a cell, with mean 0 and length 1. */
      const pattern = (data: Uint8ClampedArray, stride: number, left: number, top: number): Float32Array => {
        const found = new Float32Array(w * h);
        let mean = 0;
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++) mean += found[y * w + x] = data[4 * ((top + y) * stride + left + x) + 1] ?? 0;
        mean /= found.length;
        let square = 0;
        for (let i = 0; i < found.length; i++) square += (found[i] = (found[i] ?? 0) - mean) ** 2;
        const length = Math.sqrt(square) || 1;
        return found.map((value) => value / length);
      };

      canvas.width = w * letters.length;
      canvas.height = h;
      c.fillStyle = '#fff';
      c.fillRect(0, 0, canvas.width, h);
      c.fillStyle = '#000';
      c.font = cell.font;
      c.textBaseline = 'middle';
      for (const [i, letter] of Array.from(letters).entries()) c.fillText(letter, i * w, h / 2);
      const sheet = c.getImageData(0, 0, canvas.width, h).data;
      const typeface = Array.from(letters).map(
        (letter, i) => [letter, pattern(sheet, canvas.width, i * w, 0)] as const,
      );

      const [width, height] = [element.videoWidth, element.videoHeight];
      canvas.width = width;
      canvas.height = height;
      c.drawImage(element, 0, 0);
      const { data } = c.getImageData(0, 0, width, height);
      const lines: string[] = [];
      let worst = 1;
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        let line = '';
        for (let column = 0; column < columns; column++) {
          const seen = pattern(data, width, column * w, row * h);
          let best = -1;
          let read = '';
          for (const [letter, wanted] of typeface) {
            let like = 0;
            for (let i = 0; i < wanted.length; i++) like += (wanted[i] ?? 0) * (seen[i] ?? 0);
            if (like > best) [best, read] = [like, letter];
          }
          line += read;
          sum += best;
          worst = Math.min(worst, best);
        }
        lines.push(line);
      }
      return { width, height, lines, worst, mean: sum / (rows * columns) };
    },
    { video, letters: LETTERS, cell: CELL, columns: COLUMNS, rows: ROWS },
  );
}
