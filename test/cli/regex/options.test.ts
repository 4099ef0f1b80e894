import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import type { Options } from '../../../src/cli/command.ts';
import { LISTED, readWish } from '../../../src/cli/regex/options.ts';

const wishOf = (options: Options) =>
  readWish({
    words: [],
    options,
    global: { config: null, state: null, log: null, dryRun: false, json: false, rawOutput: false },
    io: {
      ...{ stdout: () => undefined, stderr: () => undefined },
      ...{ stdin: Readable.from([]), env: {}, now: () => 1000 },
    },
  });

test('without options some missed and ignored lines are listed, and the first regex that hits counts', () => {
  const { report, checkAll, isExplaining, now } = wishOf({});
  assert.deepEqual([report.matched, report.missed, report.ignored], ['none', 'some', 'some']);
  assert.deepEqual([report.maxlines, checkAll, isExplaining, now], [LISTED, false, true, 1000]);
});

test('options say what is listed, and how far is looked', () => {
  const { report } = wishOf({ 'print-all-matched': true, 'print-no-missed': true, maxlines: '5' });
  assert.deepEqual([report.matched, report.missed, report.maxlines], ['all', 'none', 5]);
  assert.equal(wishOf({ 'check-all': true }).checkAll, true);
  assert.equal(wishOf({ 'check-all': true, out: 'id' }).checkAll, false);
  assert.equal(wishOf({ verbosity: '2' }).report.verbose, true);
});

test('--now is epoch seconds or a date in --timezone', () => {
  assert.equal(wishOf({ now: '1124013600.5' }).now, 1124013600.5);
  assert.equal(wishOf({ now: '2005-08-14 11:00:00', timezone: 'UTC+0100' }).now, 1124013600);
});

test('what cannot be read is refused', () => {
  for (const options of [
    { now: 'soon' },
    { maxlines: 'many' },
    { usedns: 'perhaps' },
    { 'print-all-missed': true, 'print-no-missed': true },
  ])
    assert.throws(() => wishOf(options), UsageError);
});
