import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bounded, slowness, timeMatch, within } from '../../src/base/timelimit.ts';

const endless = (): void => {
  for (;;);
};

test('within() lets work come to its end, and passes on what it throws', () => {
  let done = 0;
  assert.equal(
    within(60_000, () => void done++),
    null,
  );
  assert.equal(done, 1);
  assert.throws(
    () =>
      within(60_000, () => {
        throw new Error('mine');
      }),
    /mine/,
  );
});

test('within() interrupts a loop and a regex, and tells the processor time that they had', () => {
  assert.ok((within(20, endless) ?? 0) > 0);
  assert.ok((within(20, () => void /^(a+)+$/.test(`${'a'.repeat(40)}b`)) ?? 0) > 0);
});

test('bounded() is false of what is stuck, true of what ends', () => {
  assert.equal(bounded(20, endless), false);
  assert.equal(
    bounded(20, () => undefined),
    true,
  );
});

test('timeMatch() stops a match beyond its limit', () => {
  assert.ok(timeMatch(/^(a+)+$/, `${'a'.repeat(40)}b`, 10) > 10);
  assert.ok(timeMatch(/^a$/, 'a', 1000) < 1000);
});

test('slowness() is 1 on a server, more on a slower machine, and measured once', () => {
  const times = slowness();
  assert.ok(times >= 1);
  assert.equal(slowness(), times);
});
