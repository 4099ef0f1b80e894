import assert from 'node:assert/strict';
import { test } from 'node:test';
import { performance as own } from '../../src/base/monotonic.ts';

test('now() goes as the clock goes that it stands for', async () => {
  const earliest = performance.now();
  const begin = own.now();
  const latest = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const soonest = performance.now();
  const end = own.now();
  const last = performance.now();
  assert.ok(begin >= 0);
  assert.ok(end - begin >= soonest - latest && end - begin <= last - earliest, `${end - begin} ms`);
});
