// The README's pictures, taken from the running system:
//   make screenshots
// Drawn people stand in for cameras; everything else is the counter itself.

import path from 'node:path';
import { mkdirSync } from 'node:fs';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { book, comesToday, signIn } from './booking';
import { desktop, flows, newPage, phone, startBrowser, startCounter, type Counter } from './harness';

const folder = path.resolve('docs/screenshots');

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: path.join(folder, `${name}.jpg`), type: 'jpeg', quality: 82 });
}

interface Look {
  readonly wall: string;
  readonly hair: string;
  readonly skin: string;
  readonly coat: string;
}

/** draw gives the page a camera that shows a drawn person. */
function draw(look: Look): void {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real(wanted);
    const [camera] = stream.getVideoTracks();
    if (!camera) return stream;
    const canvas = document.createElement('canvas');
    canvas.width = 1280;
    canvas.height = 720;
    const c = canvas.getContext('2d');
    if (!c) return stream;
    const round = (color: string, x: number, y: number, rx: number, ry: number): void => {
      c.fillStyle = color;
      c.beginPath();
      c.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
      c.fill();
    };
    const paint = (): void => {
      const sway = 6 * Math.sin(performance.now() / 700);
      c.fillStyle = look.wall;
      c.fillRect(0, 0, 1280, 720);
      c.fillStyle = '#ffffff30';
      c.fillRect(90, 70, 300, 330);
      round(look.coat, 640, 760, 350, 260);
      round(look.hair, 640 + sway, 290, 165, 190);
      round(look.skin, 640 + sway / 2, 500, 70, 90);
      round(look.skin, 640 + sway, 320, 130, 165);
      round(look.hair, 640 + sway, 190, 140, 70);
      for (const side of [-1, 1]) round('#222', 640 + sway + 48 * side, 315, 11, 14);
      c.strokeStyle = '#7a3030';
      c.lineWidth = 9;
      c.beginPath();
      c.arc(640 + sway, 370, 48, 0.25 * Math.PI, 0.75 * Math.PI);
      c.stroke();
    };
    setInterval(paint, 66);
    paint();
    const [drawn] = canvas.captureStream(15).getVideoTracks();
    stream.removeTrack(camera);
    if (drawn) stream.addTrack(drawn);
    return stream;
  };
}

/** fillDay gives the registry a day at ten: who was served, who is here and who is to come. */
function fillDay(counter: Counter): void {
  counter.sql(`
    WITH line(n, clock, minutes, name, surname, service, mode, state) AS (VALUES
      (1, time '08:45', 15, 'Francesca', 'Long', 'certificati', 'virtual', 'served'),
      (2, '08:50', 20, 'Giulia', 'Rossi', 'carta-identita', 'in_person', 'served'),
      (3, '09:10', 20, 'Marco', 'Giraud', 'carta-identita', 'in_person', 'served'),
      (4, '09:30', 20, 'Paolo', 'Martinat', 'carta-identita', 'in_person', 'no_show'),
      (5, '09:40', 20, 'Luca', 'Rostan', 'carta-identita', 'in_person', 'called'),
      (6, '10:00', 20, 'Elena', 'Benali', 'carta-identita', 'in_person', 'arrived'),
      (7, '10:30', 20, 'Andrea', 'Ferrero', 'carta-identita', 'in_person', 'arrived'),
      (8, '11:05', 15, 'Sofia', 'Charbonnier', 'certificati', 'virtual', 'booked'),
      (9, '10:50', 20, 'Sofia', 'Dell''Orto', 'carta-identita', 'in_person', 'booked'),
      (10, '11:10', 20, 'Paolo', 'Long', 'carta-identita', 'in_person', 'booked'),
      (11, '11:25', 15, 'Chiara', 'Popescu', 'certificati', 'virtual', 'booked'),
      (12, '11:30', 20, 'Davide', 'Bertone', 'carta-identita', 'in_person', 'booked')),
    row AS MATERIALIZED (
      SELECT line.*, gen_random_uuid() AS id, o.id AS office, s.id AS service_id, d.id AS desk, day.start + clock - time '00:00' AS start
      FROM line JOIN office o ON o.slug = 'anagrafe' JOIN service s ON s.office_id = o.id AND s.slug = line.service
      JOIN desk d ON d.office_id = o.id AND d.name = CASE WHEN mode = 'virtual' THEN 'Sportello virtuale 2' ELSE 'Sportello ' || 1 + n % 2 END
      CROSS JOIN (SELECT date_trunc('day', now(), 'Europe/Rome') AS start) AS day),
    made AS (
      INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state, hold_expires_at,
        secret_hash, code_hash, created_at, changed_at, arrived_at, called_at, closed_at, ticket)
      SELECT id, gen_random_uuid(), office, service_id, desk, (start AT TIME ZONE 'Europe/Rome')::date,
        tstzrange(start, start + minutes * interval '1 minute'), tstzrange(start, start + minutes * interval '1 minute'),
        mode, 'web', 'public', state, start, sha256(uuid_send(id)), sha256(uuid_send(id)), start - interval '9 days', start,
        CASE WHEN state IN ('arrived', 'called', 'served') THEN least(start, now()) - interval '6 minutes' END,
        CASE WHEN state IN ('called', 'served') THEN start END, CASE WHEN state IN ('served', 'no_show') THEN start + interval '9 minutes' END,
        CASE WHEN mode = 'in_person' AND state IN ('arrived', 'called', 'served') THEN 'C' || n ELSE '' END
      FROM row)
    INSERT INTO appointment_person SELECT id, name, surname, lower(surname), 'x@example.org', '', 'it', lower(name || ' ' || surname) FROM row`);
}

const counter = await startCounter({ SPORTELLO_JOIN_BEFORE: '4000h' });
const browser = await startBrowser();
mkdirSync(folder, { recursive: true });

async function open(options: BrowserContextOptions, look?: Look): Promise<{ page: Page; context: BrowserContext }> {
  const made = await newPage(browser, options);
  if (look) await made.context.addInitScript(draw, look);
  return made;
}

async function enter(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.waitForSelector('[data-view=preview]');
  await page.waitForFunction(() => document.querySelector('video')?.videoWidth);
  await page.click('[data-action=enter]');
}

try {
  const { page: form } = await open(desktop);
  await form.goto(`${counter.url}/it/prenota/orario?ufficio=anagrafe&servizio=cambio-residenza&modo=video`);
  await form.setViewportSize({ width: 1280, height: 1100 });
  await shoot(form, 'time');
  await form.setViewportSize({ width: 1280, height: 800 });
  const lucia = await book(form, counter.url, 'anagrafe', 'cambio-residenza', 'Bianchi');

  const look = { wall: '#c9d8e6', hair: '#4b3326', skin: '#e3b48f', coat: '#7d4f6d' };
  const { page: citizen } = await open(phone, look);
  await enter(citizen, lucia.room);
  await citizen.waitForSelector('[data-view=lobby]');
  comesToday(counter, 'Bianchi', '09:45');
  fillDay(counter);

  const { page: console_, context: staff } = await open(desktop, {
    ...look,
    wall: '#e7dfcf',
    hair: '#22262b',
    coat: '#24506e',
  });
  await signIn(console_, counter.url, 'anagrafe', '/it/staff/sportello');
  await console_.waitForSelector('.st-agenda .st-name a:has-text("Bianchi")');
  await shoot(console_, 'clerk');
  await console_.click('.st-agenda .st-name a:has-text("Bianchi")');
  await console_.fill('#guest-name', 'Omar Haddad');
  await console_.click('#ospiti form.st-inline button');
  const guestLink = await console_.inputValue('#guest-link');
  const opened = staff.waitForEvent('page');
  await console_.click('[id^=s-room-]');
  const clerk = await opened;
  await clerk.waitForSelector('[data-view=preview]');
  await clerk.waitForFunction(() => document.querySelector('video')?.videoWidth);
  await clerk.click('[data-action=enter]');
  await clerk.click('[data-action=lobby-bar]');
  await citizen.waitForSelector('[data-view=call]');

  const { page: guest } = await open(desktop, {
    ...look,
    wall: '#d5e0cf',
    hair: '#1b1512',
    skin: '#b98259',
    coat: '#596b3f',
  });
  await enter(guest, guestLink);
  await clerk.click('[data-action=lobby-bar]');
  await guest.waitForSelector('[data-view=call]');
  await guest.goto(`${counter.url}/it/`); // a page to share: the counter's own
  const { page: shown } = await open(desktop, {
    ...look,
    wall: '#d5e0cf',
    hair: '#1b1512',
    skin: '#b98259',
    coat: '#596b3f',
  });
  await enter(shown, guestLink);
  await shown.waitForSelector('[data-view=call]');
  await flows(clerk, 'the clerk', 2);
  await clerk.click('[data-command=chat]');
  await clerk.fill('#chat-text', 'Buongiorno, ha con sé il contratto di affitto?');
  await clerk.keyboard.press('Enter');
  await citizen.click('[data-command=chat]');
  await citizen.fill('#chat-text', 'Sì, glielo mando qui.');
  await citizen.keyboard.press('Enter');
  await clerk.waitForSelector('.chat-line:has-text("glielo mando")');
  await citizen.keyboard.press('Escape');
  await new Promise((resolve) => setTimeout(resolve, 6000)); // passing notices go, pictures sharpen
  await shoot(clerk, 'call');
  await shoot(citizen, 'call-phone');

  const { page: operator } = await open(desktop);
  await signIn(operator, counter.url, 'operatore', '/it/staff/operatore');
  await operator.locator('input[list], input[name=servizio]').first().fill('Carta d’identità');
  await operator.keyboard.press('Enter');
  await operator.waitForLoadState();
  await shoot(operator, 'operator');
} finally {
  await browser.close();
  await counter.stop();
}
