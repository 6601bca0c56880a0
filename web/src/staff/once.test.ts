import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendings } from './once.ts';

await test('a form is sent once until its answer can be there', () => {
  const { may, forget } = sendings();
  const [booking, search] = [{}, {}];
  assert.ok(may(booking, 1000));
  assert.ok(!may(booking, 1100), 'a double click');
  assert.ok(!may(booking, 12_999));
  assert.ok(may(search, 1100), 'another form');
  assert.ok(may(booking, 13_000), 'a download can be had again');
  assert.ok(!may(booking, 14_000));
  forget();
  assert.ok(may(booking, 14_001), 'a page from the history');
});
