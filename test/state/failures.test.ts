import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFailure, Failures, keepMatches, MOST_TRACKED, matchLimits } from '../../src/state/failures.ts';

const retries = (times: readonly number[], findtime: number): number[] => {
  const failures = new Failures();
  return times.map((time) => countFailure(failures, '192.0.2.7', { time }, findtime).retry);
};

test('countFailure() follows the rate estimate observed in fail2ban 1.0.2', () => {
  const every = (step: number, n: number): number[] => Array.from({ length: n }, (_, i) => i * step);
  assert.deepEqual(retries([0, 300, 700], 600), [1, 2, 3]);
  assert.deepEqual(retries(every(200, 6), 600), [1, 2, 3, 4, 4, 4]);
  assert.deepEqual(retries(every(400, 4), 600), [1, 2, 3, 3]);
  assert.deepEqual(retries([0, 1, 2, 3, 601], 600), [1, 2, 3, 4, 5]);
});

test('countFailure() counts within findtime exactly, findtime itself included', () => {
  for (let n = 1; n < 50; n++) {
    const times = Array.from({ length: n }, (_, i) => (i * 600) / Math.max(1, n - 1));
    assert.equal(retries(times, 600).at(-1), n);
  }
});

test('countFailure() never counts more than one for each failure, nor less than one', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let round = 0; round < 300; round++) {
    const times = Array.from({ length: 30 }, () => random(5000));
    for (const [i, retry] of retries(times, 600).entries()) {
      assert.ok(retry >= 1 && retry <= i + 1, `${times.slice(0, i + 1)} gave ${retry}`);
    }
  }
});

test('countFailure() counts an older failure without moving the window', () => {
  const failures = new Failures();
  countFailure(failures, 'a', { time: 1000 }, 600);
  const count = countFailure(failures, 'a', { time: 10 }, 600);
  assert.deepEqual([count.retry, count.first, count.last], [2, 1000, 1000]);
});

test('keepMatches() keeps the last maxmatches lines', () => {
  const count = countFailure(new Failures(), 'a', { time: 1 }, 600);
  keepMatches(count, ['one', 'two'], matchLimits(2, 1));
  keepMatches(count, ['three'], matchLimits(2, 1));
  assert.deepEqual(count.matches, ['two', 'three']);
  keepMatches(count, ['four'], matchLimits(0, 1));
  assert.deepEqual(count.matches, ['two', 'three']);
});

test('keepMatches() keeps less of each id the more ids there are, and the beginning of one line at least', () => {
  const long = 'x'.repeat(60_000);
  for (const ids of [1, 1000, 10_000, 100_000]) {
    const count = countFailure(new Failures(), 'a', { time: 1 }, 600);
    for (let i = 0; i < 10; i++) keepMatches(count, [`${i} ${long}`], matchLimits(5, ids));
    const chars = count.matches.join('').length;
    assert.ok(chars <= Math.max(200, 4_000_000 / ids) && chars <= 10_000, `${ids} ids: ${chars}`);
    assert.match(count.matches.at(-1) ?? '', /^9 x/);
  }
});

test('keepMatches() keeps several short lines whole also where many fail', () => {
  const count = countFailure(new Failures(), 'a', { time: 1 }, 600);
  const lines = ['a', 'b', 'c'].map((name) => `${name}${'x'.repeat(60)}`);
  keepMatches(count, lines, matchLimits(5, 100_000));
  assert.deepEqual(count.matches, lines);
});

test('sweep() forgets an id at findtime after its last failure, not before', () => {
  const failures = new Failures();
  countFailure(failures, 'old', { time: 100 }, 600);
  countFailure(failures, 'new', { time: 101 }, 600);
  assert.equal(failures.sweep(700 - 600), 1);
  assert.deepEqual(
    [...failures].map(([id]) => id),
    ['new'],
  );
});

test('countFailure() remembers a bounded number of ids, and forgets those that came first', () => {
  const failures = new Failures();
  for (let i = 0; i < MOST_TRACKED * 3; i++) {
    countFailure(failures, String(i), { time: 1 }, 600);
    assert.ok(failures.size <= MOST_TRACKED);
  }
  assert.ok(failures.size > MOST_TRACKED / 2);
  assert.equal(failures.get('0'), undefined);
  assert.equal(failures.get(String(MOST_TRACKED * 3 - 1))?.failures, 1);
});
