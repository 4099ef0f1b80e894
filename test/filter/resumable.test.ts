import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { within } from '../../src/base/timelimit.ts';
import { UNWATCHED } from '../../src/filter/fast/search.ts';
import { Quarantine } from '../../src/filter/guard/quarantine.ts';
import { Results } from '../../src/filter/results.ts';
import { type BatchJob, ResumableMatcher, SLOW, textLength } from '../../src/filter/resumable.ts';
import type { Survey } from '../../src/filter/types.ts';
import { type FilterParts, NOW, workerOf } from './filterof.ts';

const AT = '2024-06-23T22:29:50';
const GOOD: FilterParts = { failregex: ['^ good from <HOST>$'], usedns: 'no' };

const matcherOf = (...parts: readonly FilterParts[]): ResumableMatcher =>
  new ResumableMatcher(
    parts.map((one) => workerOf(one)),
    new Quarantine(),
    null,
  );

/** A batch of lines at its beginning. */
function begun(matcher: ResumableMatcher, lines: readonly string[]): BatchJob {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const batch = { bytes, start: 0, end: bytes.length, times: null, live: true };
  matcher.begin(batch);
  return { batch, now: NOW, results: new Results() };
}

/** A matcher of which all regexes are compiled. */
function warmed(parts: FilterParts): ResumableMatcher {
  const matcher = matcherOf(parts);
  matcher.match(begun(matcher, many(300)), null);
  assert.equal(matcher.compile(), true);
  assert.equal(matcher.compile(), false, 'once');
  return matcher;
}

const idsOf = ({ results }: BatchJob): readonly string[] =>
  [...results].map(({ worker, outcome, ip }) => `${worker} ${outcome?.failures[0]?.id ?? formatIp4(ip)}`);

const addresses = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
const many = (count: number): readonly string[] => addresses(count).map((ip) => `${AT} good from ${ip}`);
const idsIn = (count: number): readonly string[] => addresses(count).map((ip) => `0 ${ip}`);

test('match() takes a batch to its end, line by line through all filters', () => {
  const matcher = matcherOf(GOOD, { failregex: ['from <HOST>$'], usedns: 'no' });
  const job = begun(matcher, many(2));
  matcher.match(job, null);
  assert.deepEqual(idsOf(job), ['0 10.0.0.0', '1 10.0.0.0', '0 10.0.0.1', '1 10.0.0.1']);
  assert.deepEqual([matcher.cursor.isOpen, matcher.cursor.at], [false, job.batch.end]);
});

for (const [what, count] of [
  ['a batch that is driven', 300],
  ['a small batch', 70],
] as const) {
  test(`match() throws SLOW when the time is up, and goes on where it was: ${what}`, () => {
    const matcher = warmed(GOOD);
    const job = begun(matcher, many(count));
    let turns = 0;
    for (let isOver = false; !isOver; turns++) {
      try {
        matcher.match(job, () => true);
        isOver = true;
      } catch (error) {
        assert.equal(error, SLOW);
      }
    }
    assert.ok(turns > 1);
    assert.deepEqual(idsOf(job), idsIn(count));
  });
}

test('match() throws UNWATCHED at a line that needs a watch over the clock, and has told all before it', () => {
  const matcher = warmed(GOOD);
  const job = begun(matcher, [...many(2), `${AT} good from 10.0.0.9 \u00e9`, ...many(1)]);
  assert.throws(
    () => matcher.match(job, () => false),
    (error) => error === UNWATCHED,
  );
  assert.deepEqual([idsOf(job), matcher.cursor.isOpen], [idsIn(2), true]);
  matcher.match(job, null);
  assert.deepEqual(idsOf(job), [...idsIn(2), ...idsIn(1)]);
});

test('what is not compiled yet needs a watch over the clock', () => {
  const matcher = matcherOf(GOOD);
  assert.throws(
    () => matcher.match(begun(matcher, many(1)), () => false),
    (error) => error === UNWATCHED,
  );
});

test('finish() tells a result that is known once, however often it is called', () => {
  const matcher = matcherOf(GOOD);
  const job = begun(matcher, many(1));
  matcher.match(job, null);
  matcher.finish(job);
  assert.deepEqual(idsOf(job), idsIn(1));
});

test('finish() tells again what it was interrupted in telling, and then no more', () => {
  const told: number[] = [];
  const survey: Survey = {
    ...{
      checkAll: false,
      isComment: () => false,
      decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
    },
    ...{ onShort: () => assert.fail('it is no line of the short way'), onPrefixed: () => undefined },
    onLong(_, __, start) {
      told.push(start);
      while (told.length === 1);
    },
  };
  const matcher = new ResumableMatcher([workerOf(GOOD)], new Quarantine(), survey);
  const job = begun(matcher, [`${AT} good from 10.0.0.9 \u00e9 good from 10.0.0.1`]);
  assert.notEqual(
    within(200, () => matcher.match(job, null)),
    null,
  );
  matcher.finish(job);
  matcher.finish(job);
  assert.deepEqual(told, [0, 0]);
});

test('a filter over several lines has no short way', () => {
  assert.equal(matcherOf({ ...GOOD, maxlines: 2 }).hasFast, false);
  assert.equal(matcherOf({ ...GOOD, maxlines: 2 }, GOOD).hasFast, true);
});

test('textLength() counts the lines before as well', () => {
  const window = [
    { before: '<34>', date: 'Aug 14', after: ' x' },
    { before: '', date: '', after: 'yz' },
  ];
  assert.equal(textLength('12345', window), 5 + 4 + 2 + 2);
});
