import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settledWithin } from '../../src/base/timeout.ts';

test('settledWithin() answers what the promise does, and rejects as it does', async () => {
  assert.equal(await settledWithin(60_000, Promise.resolve(7)), 7);
  await assert.rejects(settledWithin(60_000, Promise.reject(new Error('no'))), /no/);
});

test('settledWithin() answers null when the promise takes longer', async () => {
  assert.equal(await settledWithin(1, new Promise(() => undefined)), null);
});
