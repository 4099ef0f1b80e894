import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, distance, nearest } from '../../src/base/suggest.ts';

test('distance() counts inserts, deletes, replacements and swapped neighbours', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['ban', 'ban', 0],
    ['maxtry', 'maxretry', 2],
    ['stauts', 'status', 1],
    ['fiter', 'filter', 1],
    ['sshd', 'nginx', 5],
  ];
  for (const [a, b, wanted] of cases) {
    assert.equal(distance(a, b), wanted, `${a} ${b}`);
    assert.equal(distance(b, a), wanted, `${b} ${a}`);
  }
});

test('nearest() finds what was meant, whatever its case, and nothing when nothing is near', () => {
  const commands = ['run', 'status', 'banip', 'unbanip', 'flush'];
  assert.equal(nearest('staus', commands), 'status');
  assert.equal(nearest('STATUS', commands), 'status');
  assert.equal(nearest('unban', commands), 'unbanip');
  assert.equal(nearest('elephant', commands), null);
  assert.equal(nearest('x', ['y', 'run']), null);
  assert.equal(nearest('x'.repeat(1000), ['x'.repeat(1000)]), null);
});

test('didYouMean() is a hint or null', () => {
  assert.equal(didYouMean('fush', ['flush']), 'did you mean "flush"?');
  assert.equal(didYouMean('elephant', ['flush']), null);
});
