import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { MachineError } from '../../../src/base/errors.ts';
import type { Options } from '../../../src/cli/command.ts';
import { type RegexRequest, readWish } from '../../../src/cli/regex/options.ts';
import { addLine, newTally, reportLine } from '../../../src/cli/regex/report.ts';
import { canSurvey, survey } from '../../../src/cli/regex/wholefile.ts';
import { compileDates } from '../../../src/filter/date/datepattern.ts';
import { LINE_CAP } from '../../../src/source/source.ts';
import { type FilterParts, filterOf, NOW, workerOf } from '../../filter/filterof.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'f2b-wholefile-'));
});
after(() => {
  rmSync(folder, { recursive: true });
});

const wishOf = (options: Options = {}): RegexRequest =>
  readWish({
    words: [],
    options,
    global: { config: null, state: null, log: null, dryRun: false, json: false, rawOutput: false },
    io: {
      ...{ stdout: () => undefined, stderr: () => undefined },
      ...{ stdin: Readable.from([]), env: {}, now: () => NOW },
    },
  });

/** What is counted of a file. */
async function surveyed(parts: FilterParts, log: string | Buffer, options: Options = {}, encoding = 'utf-8') {
  const path = join(folder, 'a.log');
  writeFileSync(path, log);
  const { filter, state } = workerOf(parts);
  const tally = newTally(filter);
  const dates = compileDates(null, 'UTC');
  const wish = wishOf(options);
  const stuck: (readonly [regex: number | null, number: number])[] = [];
  const hits: string[] = [];
  await survey(path, encoding, {
    ...{ filter, state, tally, dates, wish },
    onLong(outcome, text) {
      addLine(tally, text, reportLine(outcome, new Map(), wish.checkAll), wish.report);
      return null;
    },
    wantsHits: () => hits.length < 2,
    onHit: (text) => hits.push(text),
    onStuck: ({ regex, number }) => stuck.push([regex, number]),
  });
  const { lines, matched, missed, ignored } = tally;
  return { counts: [lines, matched.count, missed.count, ignored.count], tally, dates, stuck, hits };
}

const AT = '2024-06-23T22:29:50';
const BAD: FilterParts = { failregex: ['^ bad <HOST>$', '^ worse <HOST>$'], ignoreregex: ['9$'] };

test('canSurvey() where nobody wants to know each hit, and a line is looked at by itself', () => {
  const filter = filterOf(BAD);
  assert.equal(canSurvey(filter, wishOf(), 'utf-8'), true);
  assert.equal(canSurvey(filterOf({ ...BAD, maxlines: 2 }), wishOf(), 'utf-8'), false);
  assert.equal(canSurvey(filter, wishOf(), 'utf-16le'), false);
  for (const options of [{ 'print-all-missed': true }, { verbose: true }, { out: 'id' }])
    assert.equal(canSurvey(filter, wishOf(options), 'utf-8'), false, JSON.stringify(options));
  assert.equal(canSurvey(filter, { ...wishOf(), json: true }, 'utf-8'), false);
});

test('survey() counts lines and hits by regex; comments and empty lines are none', async () => {
  const log = [
    `${AT} bad 192.0.2.1`,
    '# bad',
    '',
    `${AT} worse 192.0.2.2\r`,
    '\r',
    `${AT} bad 192.0.2.9`,
    'x',
    `${AT} bad 192.0.2.3`,
  ];
  const { counts, tally } = await surveyed(BAD, log.join('\n'));
  assert.deepEqual(counts, [5, 3, 1, 1]);
  assert.deepEqual([tally.failHits, tally.ignoreHits], [[2, 1], [1]]);
  assert.deepEqual(tally.missed.lines, ['x']);
});

test('survey() counts many lines that are alike, and the forms of their dates', async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `${AT} ${i % 5 === 0 ? 'good' : 'bad'} 192.0.2.1\n`);
  const { counts, tally, dates } = await surveyed(BAD, lines.join(''));
  assert.deepEqual(counts, [50_000, 40_000, 10_000, 0]);
  assert.deepEqual(tally.failHits, [40_000, 0]);
  assert.equal(
    dates.choice.slots.reduce((sum, { hits }) => sum + hits, 0),
    50_000,
  );
});

test('survey() tells how many lines prefregex matched', async () => {
  const parts = { prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT>$', failregex: ['^bad <HOST>$'] };
  const log = [`${AT} sshd: bad 192.0.2.1`, `${AT} sshd: x`, `${AT} cron: x`, ''].join('\n').repeat(100);
  const { counts, tally } = await surveyed(parts, log);
  assert.deepEqual([counts, tally.prefixed], [[300, 100, 200, 0], 200]);
});

test('survey() keeps missed lines as long as so few are missed that they will be listed', async () => {
  const { tally } = await surveyed(BAD, 'm\u00fcller\n'.repeat(3));
  assert.deepEqual(tally.missed.lines, ['m\u00fcller', 'm\u00fcller', 'm\u00fcller']);
  const many = await surveyed(BAD, 'x\n'.repeat(100), { maxlines: '5' });
  assert.deepEqual([many.tally.missed.count, many.tally.missed.lines.length], [100, 6]);
  const none = await surveyed(BAD, 'x\n', { 'print-no-missed': true });
  assert.deepEqual(none.tally.missed.lines, []);
});

test('survey() reads other encodings', async () => {
  const parts = { failregex: ['^bad (?:m\u00fcller )<HOST>$'] };
  const log = Buffer.from('bad m\u00fcller 192.0.2.1\n', 'latin1');
  assert.deepEqual((await surveyed(parts, log, {}, 'latin1')).counts, [1, 1, 0, 0]);
  assert.deepEqual((await surveyed(parts, log)).counts, [1, 0, 1, 0]);
});

test('survey() looks at the beginning of a line without end, and goes on behind it', async () => {
  const long = `${AT} bad ${'x'.repeat(3_000_000)}`;
  const { counts, tally } = await surveyed(BAD, `${AT} bad 192.0.2.1\n${long}\n${AT} bad 192.0.2.2`);
  assert.deepEqual(counts, [3, 2, 1, 0]);
  assert.equal(tally.missed.lines[0]?.length, LINE_CAP);
});

test('survey() tells the number of a line on which a regex was too slow', async () => {
  const parts = { failregex: ['^evil (?=a)(?:a+)+ from <HOST>$', '^evil .* but from <HOST>$'] };
  const { counts, stuck } = await surveyed(parts, `x\n\n# x\nevil ${'a'.repeat(60)} but from 192.0.2.1\n`);
  assert.deepEqual([counts, stuck], [[2, 1, 1, 0], [[0, 4]]]);
});

test('survey() hands out lines that a failregex matched, as long as more are wanted', async () => {
  const log = [`${AT} bad 192.0.2.1`, `${AT} fine`, `${AT} worse 192.0.2.2`, `${AT} bad 192.0.2.3`, ''];
  const { hits } = await surveyed(BAD, log.join('\n'));
  assert.deepEqual(hits, [`${AT} bad 192.0.2.1`, `${AT} worse 192.0.2.2`]);
});

test('survey() says of a file that cannot be read why', async () => {
  const { filter, state } = workerOf(BAD);
  const more = { wantsHits: () => false, onHit: () => undefined };
  const dates = compileDates(null, null);
  const course = { filter, state, tally: newTally(filter), dates, wish: wishOf(), ...more };
  await assert.rejects(
    survey(join(folder, 'none'), 'utf-8', { ...course, onLong: () => null, onStuck: () => undefined }),
    (error) =>
      error instanceof MachineError && error.message === `cannot read ${join(folder, 'none')}: ENOENT`,
  );
});
