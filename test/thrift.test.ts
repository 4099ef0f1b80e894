import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { settle, startThrifty } from '../src/thrift.ts';

const MB = 1024 * 1024;
const heap = (): number => getHeapStatistics().total_physical_size;

test('settle() gives back what was left behind', () => {
  startThrifty();
  settle();
  const before = heap();
  let objects: unknown[] = Array.from({ length: 500_000 }, (_, i) => ({ i }));
  assert.ok(heap() > before + 10 * MB && objects.length > 0);
  objects = [];
  settle();
  assert.ok(heap() < before + 4 * MB, `${before} bytes became ${heap()}`);
});
