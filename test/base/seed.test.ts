import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { processSeed } from '../../src/base/seed.ts';

test('processSeed() is the same in one process, and another in the next', () => {
  assert.equal(processSeed(), processSeed());
  const file = new URL('../../src/base/seed.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(file)}).then(({ processSeed }) => console.log(processSeed()))`;
  const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  assert.match(stdout, /^\d+\n$/);
  assert.notEqual(Number(stdout), processSeed());
});

test('a Map has no keys that collide by their value: digits a power of two apart are no slower than others', () => {
  const timeOf = (step: number): number => {
    const begin = performance.now();
    const map = new Map<string, number>();
    for (let i = 0; i < 50_000; i++) map.set(String(1_000_000_000 + i * step), i);
    return performance.now() - begin;
  };
  timeOf(7919);
  // All in one bucket they would take seconds, and not tens of milliseconds.
  assert.ok(timeOf(65_536) < 20 * timeOf(7919) + 200);
});
