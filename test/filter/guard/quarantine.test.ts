import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Quarantine } from '../../../src/filter/guard/quarantine.ts';

const strike = (quarantine: Quarantine, length: number, regex: number | null = 0, worker = 0) =>
  quarantine.strike(worker, regex, { length, line: `line of ${length}`, now: 1000 });

test('a regex is in quarantine from its third line on, for lines of a quarter of the shortest', () => {
  const quarantine = new Quarantine();
  assert.deepEqual(
    [strike(quarantine, 400), strike(quarantine, 201), strike(quarantine, 300)],
    [null, null, 51],
  );
  assert.equal(quarantine.holds(0, 0, 50), false);
  assert.equal(quarantine.holds(0, 0, 51), true);
  assert.equal(quarantine.holds(0, 1, 51), false, 'another regex');
  assert.equal(quarantine.holds(1, 0, 51), false, 'another filter');
});

test('one line is enough once the filter has a regex in quarantine', () => {
  const quarantine = new Quarantine();
  for (let i = 0; i < 3; i++) strike(quarantine, 400);
  assert.equal(strike(quarantine, 200, 7), 50);
  assert.equal(strike(quarantine, 200, 7, 1), null, 'of another filter it is not');
});

test('a shorter line lets the quarantine begin earlier, a longer one no later', () => {
  const quarantine = new Quarantine();
  for (let i = 0; i < 3; i++) strike(quarantine, 400);
  assert.equal(strike(quarantine, 80), 20);
  assert.equal(strike(quarantine, 800), 20);
});

test('from() is the least of a worker, Infinity where nothing is held', () => {
  const quarantine = new Quarantine();
  assert.equal(quarantine.from(0), Number.POSITIVE_INFINITY);
  for (let i = 0; i < 3; i++) strike(quarantine, 400, 1, 2);
  strike(quarantine, 40, null, 2);
  assert.deepEqual(
    [0, 1, 2].map((worker) => quarantine.from(worker)),
    [Infinity, Infinity, 10],
  );
});

test('all() says what was stuck, how often, and on how many lines it was not tried', () => {
  const quarantine = new Quarantine();
  for (let i = 0; i < 3; i++) strike(quarantine, 400, null);
  strike(quarantine, 8, 2, 1);
  quarantine.holds(0, null, 100);
  quarantine.holds(0, null, 99);
  assert.deepEqual(quarantine.all(), [
    { worker: 0, regex: null, from: 100, strikes: 3, skipped: 1, line: 'line of 400', last: 1000 },
    { worker: 1, regex: 2, from: null, strikes: 1, skipped: 0, line: 'line of 8', last: 1000 },
  ]);
});

test('doubts() are had of the first time in a minute, and of nothing that was stuck before', () => {
  const quarantine = new Quarantine();
  const at = (now: number): boolean => quarantine.doubts(0, 0, now);
  assert.deepEqual([at(1000), at(1060), at(1121), at(1122)], [true, false, true, false]);
  assert.equal(quarantine.doubts(0, 1, 1122), true, 'another regex');
  strike(quarantine, 400, 5);
  assert.equal(quarantine.doubts(0, 5, 9000), false);
});

test('suspects() are filters of which a regex was ever stuck', () => {
  const quarantine = new Quarantine();
  strike(quarantine, 400, 0, 3);
  assert.deepEqual([quarantine.suspects(3), quarantine.suspects(0)], [true, false]);
});
