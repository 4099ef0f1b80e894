import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { compile, isCompiling, settle, startThrifty, worked } from '../../src/base/memory.ts';

const MB = 1024 * 1024;
const heap = (): number => getHeapStatistics().total_physical_size;

test('settle() gives back what was left behind', () => {
  settle();
  const before = heap();
  let objects: unknown[] = Array.from({ length: 500_000 }, (_, i) => ({ i }));
  assert.ok(heap() > before + 10 * MB && objects.length > 0);
  objects = [];
  settle();
  assert.ok(heap() < before + 4 * MB, `${before} bytes became ${heap()}`);
});

test('a trickle of work is left to the interpreter, a burst has V8 compile', () => {
  startThrifty();
  for (let second = 0; second < 1000; second++) worked(second * 1000, second * 1000 + 9);
  assert.equal(isCompiling(), false);
  for (let piece = 0; piece < 10; piece++) worked(1_000_000 + piece * 3, 1_000_000 + piece * 3 + 3);
  assert.equal(isCompiling(), true);
});

test('steady work above the trickle has V8 compile within seconds', () => {
  startThrifty();
  let second = 0;
  while (!isCompiling()) {
    worked(second * 1000, second * 1000 + 20);
    second++;
  }
  assert.ok(second <= 3, `${second} seconds`);
});

test('compile() does not wait for work', () => {
  startThrifty();
  compile();
  assert.equal(isCompiling(), true);
});
