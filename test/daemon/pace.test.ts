import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepPace, newPace, pause } from '../../src/daemon/pace.ts';

test('pieces grow while they are quick, shrink when they are slow, and are small after a pause', () => {
  const pace = newPace();
  const first = pace.bytes;
  for (let i = 0; i < 20; i++) keepPace(pace, 1);
  const most = pace.bytes;
  assert.ok(most > 4 * first);
  keepPace(pace, 10);
  assert.equal(pace.bytes, most);
  pause(pace);
  assert.equal(pace.bytes, first);
  for (let i = 0; i < 20; i++) keepPace(pace, 100);
  const least = pace.bytes;
  assert.ok(least > 0 && least < first);
  pause(pace);
  assert.equal(pace.bytes, least);
});
