import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collectGarbage, disableJit, enableJit, noteWork } from '../../src/base/memory.ts';

const MB = 1024 * 1024;
const heap = (): number => getHeapStatistics().total_physical_size;

test('collectGarbage() gives back what was left behind', () => {
  collectGarbage();
  const before = heap();
  let objects: unknown[] = Array.from({ length: 500_000 }, (_, i) => ({ i }));
  assert.ok(heap() > before + 10 * MB && objects.length > 0);
  objects = [];
  collectGarbage();
  assert.ok(heap() < before + 4 * MB, `${before} bytes became ${heap()}`);
});

test('a trickle of work is left to the interpreter, a burst has V8 compile', () => {
  disableJit();
  let isCompiling = false;
  for (let second = 0; second < 1000; second++) isCompiling ||= noteWork(second * 1000, second * 1000 + 9);
  assert.equal(isCompiling, false);
  for (let piece = 0; piece < 10; piece++)
    isCompiling = noteWork(1_000_000 + piece * 3, 1_000_000 + piece * 3 + 3);
  assert.equal(isCompiling, true);
});

test('steady work above the trickle has V8 compile within seconds', () => {
  disableJit();
  let second = 0;
  while (!noteWork(second * 1000, second * 1000 + 20)) second++;
  assert.ok(second < 3, `${second} seconds`);
});

test('enableJit() does not wait for work', () => {
  disableJit();
  enableJit();
  assert.equal(noteWork(0, 0), true);
});
