import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MISSED } from '../../src/filter/match.ts';
import { Results } from '../../src/filter/results.ts';

const OUTCOME = { ...MISSED, time: 5, warning: null };

test('Results answers in order what was put in, addresses and outcomes', () => {
  const results = new Results();
  results.addAddress(3, 0xffffffff, 1_700_000_000.5);
  results.addOutcome(1, OUTCOME);
  assert.deepEqual(
    [...results],
    [
      { worker: 3, outcome: null, ip: 0xffffffff, time: 1_700_000_000.5 },
      { worker: 1, outcome: OUTCOME, ip: 0, time: 0 },
    ],
  );
  assert.deepEqual([results.worker(1), results.outcome(1), results.outcome(0)], [1, OUTCOME, null]);
});

test('Results has room for any number of them', () => {
  const results = new Results();
  for (let i = 0; i < 5000; i++) results.addAddress(i % 7, i, i + 0.5);
  assert.equal(results.length, 5000);
  assert.deepEqual([results.worker(4999), results.ip(4999), results.time(4999)], [4999 % 7, 4999, 4999.5]);
  assert.deepEqual([results.ip(0), results.ip(1023), results.ip(1024)], [0, 1023, 1024]);
});

test('clear() forgets outcomes too', () => {
  const results = new Results();
  results.addOutcome(0, OUTCOME);
  results.clear();
  results.addAddress(0, 7, 1);
  assert.deepEqual([...results], [{ worker: 0, outcome: null, ip: 7, time: 1 }]);
});
