import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../../src/base/errors.ts';
import {
  addLine,
  formatReport,
  type LineReport,
  newTally,
  type ReportOptions,
  reportLine,
} from '../../../src/cli/regex/report.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../../src/filter/line.ts';
import type { Filter } from '../../../src/filter/types.ts';

const NOW = 1124013600;
const OPTIONS: ReportOptions = {
  matched: 'none',
  missed: 'some',
  ignored: 'some',
  maxlines: 20,
  verbose: false,
};

function filterOf(failregex: readonly string[], ignoreregex: readonly string[] = []): Filter {
  const place = { file: 'test', line: 1 };
  const problems: Problem[] = [];
  const filter = compileFilter(
    {
      name: 'test',
      prefregex: null,
      failregex: failregex.map((text) => ({ text, place })),
      ignoreregex: ignoreregex.map((text) => ({ text, place })),
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    },
    { usedns: 'warn', logtimezone: null },
    problems,
  );
  assert.deepEqual(problems, []);
  return filter as Filter;
}

function verdictOf(
  filter: Filter,
  text: string,
  names: ReadonlyMap<string, readonly string[]> = new Map(),
): LineReport {
  const options = { mode: 'test', findtime: 0, checkAll: true, now: NOW } as const;
  return reportLine(processLine(filter, newFilterState(filter), { text, time: NOW }, options), names, true);
}

function reportOf(filter: Filter, lines: readonly string[], options: ReportOptions = OPTIONS): string {
  const tally = newTally(filter);
  for (const line of lines) addLine(tally, line, verdictOf(filter, line), options);
  const explain = (): readonly string[] => [];
  return formatReport({ filter, tally, dates: [], elapsed: 1.234, options, explain, explainDate: explain });
}

test('judge() lets a name stand for its addresses, and for nobody when it has none', () => {
  const filter = filterOf(['^bad <HOST>$']);
  const line = 'bad host.example';
  assert.deepEqual(
    verdictOf(filter, line, new Map([['host.example', ['192.0.2.7', '2001:db8::7']]])).hits.map(
      ({ id }) => id,
    ),
    ['192.0.2.7', '2001:db8::7'],
  );
  assert.equal(verdictOf(filter, line).result, 'missed');
});

test('judge() counts a line that F-NOFAIL marks as a helper, and one of nobody known yet as matched', () => {
  const filter = filterOf([
    '^<F-MLFID>\\d+</F-MLFID> <F-NOFAIL>hello</F-NOFAIL> <HOST>$',
    '^<F-MLFID>\\d+</F-MLFID> bad$',
  ]);
  assert.equal(verdictOf(filter, '7 hello 192.0.2.7').result, 'helper');
  const pending = verdictOf(filter, '8 bad');
  assert.equal(pending.result, 'matched');
  assert.deepEqual(
    pending.hits.map(({ id }) => id),
    [null],
  );
});

test('formatReport() counts every regex that hits, not only the first', () => {
  const report = reportOf(filterOf(['^bad <HOST>', 'never <HOST>', '<HOST> twice$']), [
    'bad 192.0.2.7 twice',
  ]);
  assert.match(
    report,
    /Failregex: 2 total\n\|- {2}#\) \[# of hits\] regular expression\n\| {3}1\) \[1\] .*\n\| {3}3\) \[1\] /,
  );
  assert.match(report, /\nLines: 1 lines, 0 ignored, 1 matched, 0 missed\n\[processed in 1\.23 sec\]\n/);
});

test('formatReport() lists lines on which several regexes hit', () => {
  const filter = filterOf(['^bad <HOST>', '<HOST> twice$']);
  const many = reportOf(filter, Array(22).fill('bad 192.0.2.7 twice'));
  assert.match(many, /\|- Hit by more than one regex \(the first one counts\):\n\| {2}1, 2: bad /);
  assert.match(many, /\n\| {2}\.\.\. and 2 more\n`-\n/);
  assert.doesNotMatch(reportOf(filter, ['bad 192.0.2.7']), /Hit by more than one/);
});

test('formatReport() writes control characters of lines as text', () => {
  const report = reportOf(filterOf(['^bad <HOST>']), ['\x1b[31mred', 'bell\x07']);
  assert.match(report, /\| {2}\\x1b\[31mred\n\| {2}bell\\x07\n/);
});

test('formatReport() lists fewer than maxlines lines, and names the option for more', () => {
  const filter = filterOf(['^bad <HOST>']);
  const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);
  assert.match(
    reportOf(filter, lines(19)),
    /\|- Missed line\(s\):\n\| {2}line 0\n(?:\| {2}line \d+\n){18}`-\n/,
  );
  const many = reportOf(filter, lines(20));
  assert.match(
    many,
    /Missed line\(s\): too many to print\. {2}Use --print-all-missed to print all 20 lines\n/,
  );
  assert.match(reportOf(filter, lines(40), { ...OPTIONS, missed: 'all' }), /\| {2}line 39\n`-/);
});
