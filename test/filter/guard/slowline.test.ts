import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processorMs } from '../../../src/base/timelimit.ts';
import {
  type Attempt,
  charge,
  matchSlowLine,
  type SlowLine,
  tooMuch,
  warmUp,
} from '../../../src/filter/guard/slowline.ts';
import { filterOf } from '../filterof.ts';

/** Costs of regexes as tooMuch() is told them. */
const spent = (...costs: readonly number[]) => costs.map((ms, regex) => ({ worker: 0, regex, ms }));
const numbersOf = (some: readonly { readonly regex: number | null }[]) => some.map(({ regex }) => regex);

test('tooMuch() is nothing up to 25 ms, whatever each cost', () => {
  assert.deepEqual(tooMuch(spent(25)), []);
  assert.deepEqual(tooMuch(spent(10, 10, 5)), []);
});

test('tooMuch() names the slowest until the rest costs half of that', () => {
  assert.deepEqual(numbersOf(tooMuch(spent(1, 30, 2))), [1]);
  assert.deepEqual(numbersOf(tooMuch(spent(10, 9, 11, 8))), [2, 0, 1]);
});

test('charge() puts the processor time since the last call on the account of the regex', () => {
  const slow: SlowLine = { beganMs: processorMs(), costs: new Map(), skipped: new Set() };
  const untilMs = processorMs() + 10;
  while (processorMs() < untilMs);
  charge(slow, 3);
  charge(slow, 4);
  assert.ok((slow.costs.get(3) ?? 0) >= 10 && (slow.costs.get(4) ?? 0) < 10);
});

/** Runs for so many milliseconds of processor time for each regex that is not left out. */
function attemptOf(costsMs: readonly number[], more: Partial<Attempt> = {}) {
  const stuck: (number | null)[] = [];
  let regex = 0;
  const attempt: Attempt = {
    run(slow) {
      for (const [number, ms] of costsMs.entries()) {
        if (slow.skipped.has(number)) continue;
        charge(slow, number === 0 ? null : regex);
        regex = number;
        const untilMs = processorMs() + ms;
        while (processorMs() < untilMs);
      }
    },
    regex: () => regex,
    isDone: () => false,
    doubts: () => false,
    onStuck: (number) => stuck.push(number),
    ...more,
  };
  return { attempt, stuck };
}

test('matchSlowLine() answers what each regex cost where all are quick', () => {
  const { attempt, stuck } = attemptOf([1, 3]);
  const costs = matchSlowLine(attempt, false);
  assert.ok((costs?.get(1) ?? 0) >= 3);
  assert.deepEqual(stuck, []);
});

test('matchSlowLine() leaves out what is slow, and no more, and tells it', () => {
  const { attempt, stuck } = attemptOf([0, 10_000, 1]);
  const costs = matchSlowLine(attempt, false);
  assert.deepEqual(stuck, [1]);
  assert.ok(costs?.has(2) === true && !costs.has(1));
});

test('matchSlowLine() gives another chance where there are doubts', () => {
  let asked = 0;
  const { attempt, stuck } = attemptOf([0, 10_000], { doubts: () => ++asked === 1 });
  assert.notEqual(matchSlowLine(attempt, true), null);
  assert.deepEqual([stuck, asked], [[1], 2]);
});

test('matchSlowLine() gives the line up after three regexes', () => {
  const { attempt, stuck } = attemptOf([0, 10_000, 10_000, 10_000, 10_000]);
  assert.equal(matchSlowLine(attempt, true), null);
  assert.deepEqual(stuck, [1, 2, 3]);
});

test('matchSlowLine() is content with an interruption that came after all was told', () => {
  const { attempt, stuck } = attemptOf([10_000], { isDone: () => true });
  assert.notEqual(matchSlowLine(attempt, true), null);
  assert.deepEqual(stuck, []);
});

test('warmUp() has the form for other alphabets made before a line needs it', () => {
  let made = 0;
  const filter = filterOf({ failregex: ['<HOST>'] });
  const [one] = filter.failregex;
  assert.ok(one !== undefined);
  const exact = (): RegExp | null => {
    made++;
    return one.regex.exact();
  };
  const counted = { ...filter, failregex: [{ ...one, regex: { ...one.regex, exact } }] };
  warmUp(counted, 'plain');
  assert.equal(made, 0);
  warmUp(counted, 'm\u00fcller');
  const once = made;
  assert.ok(once > 0);
  warmUp(counted, 'm\u00fcller again');
  assert.equal(made, once);
});
