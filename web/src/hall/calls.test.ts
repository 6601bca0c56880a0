import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newCalls, type Call } from './calls.ts';

const list = (...keys: string[]): Call[] => keys.map((key) => ({ key, say: key }));
const keys = (calls: Call[]): string[] => calls.map((call) => call.key);

void test('new calls are told in the order they were made', () => {
  assert.deepEqual(keys(newCalls(list('A1/1'), list('B2/1', 'A2/1', 'A1/1'))), ['A2/1', 'B2/1']);
});

void test('a repeated call is new, what is known is not', () => {
  assert.deepEqual(keys(newCalls(list('A2/1', 'A1/1'), list('A1/2', 'A2/1'))), ['A1/2']);
  assert.deepEqual(newCalls(list('A2/1', 'A1/1'), list('A2/1', 'A1/1')), []);
});

void test('a line that comes into sight because others closed was called long ago', () => {
  assert.deepEqual(newCalls(list('A3/1', 'A2/1'), list('A2/1', 'A1/1')), []);
});

void test('after an empty board everything is new', () => {
  assert.deepEqual(keys(newCalls([], list('A2/1', 'A1/1'))), ['A1/1', 'A2/1']);
});
