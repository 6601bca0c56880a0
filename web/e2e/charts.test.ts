// The statistics as charts: drawn on the server, their numbers in tables beside
// them, on a phone, on the desk and on paper.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signIn } from './booking';
import { accessible, desktop, newPage, picture, startSite } from './harness';

const site = startSite();

/** years of nothing, and three weeks of a town at work: no two at one desk and hour. */
function work(): void {
  site.counter.sql(`
    INSERT INTO appointment (id, room, office_id, service_id, desk_id, day, period, occupied, mode, channel, audience, state,
        secret_hash, code_hash, created_at, changed_at, arrived_at, called_at, closed_at, hold_expires_at)
    SELECT gen_random_uuid(), gen_random_uuid(), d.office_id, s.id, d.id, x.day, x.p, x.p, d.modes[1],
        (ARRAY['web','web','web','operator','walk_in','api'])[1 + (x.n + d.id) % 6], 'public',
        CASE WHEN (x.n + d.id) % 9 = 0 THEN 'no_show' ELSE 'served' END,
        decode(md5(d.id::text || x.p::text), 'hex') || decode(md5(x.p::text || d.id::text), 'hex'), decode(md5('c' || d.id::text || x.p::text), 'hex'),
        lower(x.p) - make_interval(hours => (x.n * 37 % 500)::int), lower(x.p),
        lower(x.p) - interval '5 minutes', lower(x.p) + make_interval(mins => (x.n * 7 % 40)::int), lower(x.p) + make_interval(mins => (x.n * 7 % 40 + 5 + x.n * 3 % 50)::int), lower(x.p)
    FROM desk d JOIN LATERAL (SELECT min(service_id) AS id FROM desk_service WHERE desk_id = d.id) s ON true
    CROSS JOIN LATERAL (
      SELECT day::date, n, tstzrange((day::date + time '09:00' + make_interval(mins => (k * 30)::int)) AT TIME ZONE 'Europe/Rome',
          (day::date + time '09:20' + make_interval(mins => (k * 30)::int)) AT TIME ZONE 'Europe/Rome') AS p
      FROM (SELECT day, k, row_number() OVER () AS n FROM generate_series(now()::date - 21, now()::date - 1, interval '1 day') AS day,
          generate_series(0, 5) AS k WHERE extract(isodow FROM day) < 6) AS y
      WHERE (n * 13 + d.id) % 5 < extract(isodow FROM day)) AS x
    WHERE d.modes[1] IS NOT NULL`);
  site.counter.sql(`
    INSERT INTO desk_day (desk_id, day, audience, open)
    SELECT d.id, day::date, 'operators', tstzmultirange(tstzrange((day::date + time '08:30') AT TIME ZONE 'Europe/Rome', (day::date + time '12:30') AT TIME ZONE 'Europe/Rome'))
    FROM desk d, generate_series(now()::date - 21, now()::date - 1, interval '1 day') AS day WHERE extract(isodow FROM day) < 6
    ON CONFLICT DO NOTHING`);
}

void test('statistics are drawn, and told in numbers', { timeout: 180_000 }, async () => {
  work();
  const { page, errors } = await newPage(site.browser, desktop);
  await signIn(page, site.counter.url, 'amministratore', '/it/staff/amministrazione/statistiche');
  const charts = page.locator('.st-chart > svg[role=img]');
  assert.equal(await charts.count(), 7);
  for (const svg of await charts.all()) {
    const [title, description] = await svg.evaluate((e) => [
      e.querySelector('title')?.textContent ?? '',
      e.querySelector('desc')?.textContent ?? '',
    ]);
    assert.ok(title && description && !description.startsWith('Nessun dato'), `${title}: ${description}`);
    assert.ok((await svg.locator('rect').count()) > 0, `${title} has something to show`);
  }
  await page.click('.st-data summary');
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `the statistics scroll sideways by ${over} px at ${width}`);
    // Nothing in a chart is smaller than what can be read, or leaves its frame.
    const least = await charts.evaluateAll((all) =>
      Math.min(...all.map((s) => (s.getBoundingClientRect().width / (s as SVGSVGElement).viewBox.baseVal.width) * 12)),
    );
    assert.ok(least >= 9, `letters of ${least} px at ${width}`);
    const outside = await charts.evaluateAll((all) =>
      all.flatMap((s) => {
        const frame = s.getBoundingClientRect();
        return [...s.querySelectorAll('text, rect')]
          .filter(
            (e) => e.getBoundingClientRect().left < frame.left - 1 || e.getBoundingClientRect().right > frame.right + 1,
          )
          .map((e) => `${e.tagName} ${e.textContent}`);
      }),
    );
    assert.deepEqual(outside, [], `inside the frame at ${width}`);
    await accessible(page, `the statistics at ${width}`);
    await page.locator('.st-charts').first().scrollIntoViewIfNeeded();
    await picture(page, `charts-${width}`);
    await page
      .locator('.st-charts')
      .nth(1)
      .screenshot({ path: `web/e2e/out/charts-spreads-${width}.png` });
    await page
      .locator('.st-charts')
      .nth(2)
      .screenshot({ path: `web/e2e/out/charts-heat-${width}.png` });
    await page
      .locator('.st-charts')
      .first()
      .screenshot({ path: `web/e2e/out/charts-over-${width}.png` });
  }
  await page.emulateMedia({ media: 'print' });
  assert.equal(await charts.count(), 7);
  assert.ok(await charts.first().isVisible(), 'on paper too');
  assert.ok(!(await page.locator('.st-tabs').isVisible()), 'without what only a screen needs');
  assert.deepEqual(errors, []);
  await page.context().close();
});
