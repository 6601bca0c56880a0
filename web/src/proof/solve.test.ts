import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { solve } from './solve';

const puzzle = (number: number, maxNumber = 5000) => ({
  algorithm: 'SHA-256',
  challenge: createHash('sha256').update(`a1b2?expires=1&${number}`).digest('hex'),
  maxNumber,
  salt: 'a1b2?expires=1&',
  signature: '',
});

void test('finds the number that was hidden, also the first, the last and one past a batch', async () => {
  for (const n of [0, 1999, 2000, 4321, 5000]) assert.equal(await solve(puzzle(n)), n);
});

void test('says when there is none', async () => {
  assert.equal(await solve(puzzle(5001)), undefined);
});
