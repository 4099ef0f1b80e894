import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkLoop } from '../../src/daemon/loop.ts';

test('the loop steps until there is no work, and tells that once', async () => {
  let left = 5;
  let done = 0;
  const loop = new WorkLoop(
    () => --left > 0,
    () => done++,
  );
  loop.start();
  await loop.idle();
  assert.deepEqual([left, done], [0, 1]);
});

test('work longer than a slice leaves timers their turn', async () => {
  let isTold = false;
  let turned = false;
  setImmediate(() => {
    isTold = true;
  });
  const loop = new WorkLoop(
    () => {
      turned = isTold;
      return !turned;
    },
    () => undefined,
  );
  loop.start();
  await loop.idle();
  assert.ok(turned);
});

test('work that comes soon after the last waits a few milliseconds', async () => {
  let steps = 0;
  const loop = new WorkLoop(
    () => {
      steps++;
      return false;
    },
    () => undefined,
  );
  loop.start();
  loop.start();
  assert.equal(steps, 1);
  await loop.idle();
  assert.equal(steps, 2);
});

test('a closed loop begins nothing', async () => {
  let steps = 0;
  const loop = new WorkLoop(
    () => steps++ < 10,
    () => undefined,
  );
  loop.close();
  loop.start();
  await loop.idle();
  assert.equal(steps, 0);
});
