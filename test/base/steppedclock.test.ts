import assert from 'node:assert/strict';
import { test } from 'node:test';
import { steppedClock } from '../../src/base/steppedclock.ts';

test('steppedClock() tells once by how much the clock was set', () => {
  let [time, elapsed] = [1000, 5];
  const clock = steppedClock(
    () => time,
    () => elapsed,
  );
  elapsed += 100;
  time += 101;
  assert.deepEqual(clock.read(), { now: 1101, step: 0 });
  elapsed += 1;
  time += 3601;
  assert.deepEqual(clock.read(), { now: 4702, step: 3600 });
  assert.deepEqual(clock.read(), { now: 4702, step: 0 });
  time -= 3600;
  assert.deepEqual(clock.read(), { now: 1102, step: -3600 });
});
