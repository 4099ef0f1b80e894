import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { compileFilter, needsEveryLine } from '../../src/filter/compile.ts';
import { type FilterParts, filterOf, sourceOf } from './filterof.ts';

function problemsOf(parts: FilterParts, logtimezone: string | null = null): Problem[] {
  const problems: Problem[] = [];
  assert.equal(compileFilter(sourceOf(parts), { usedns: 'warn', logtimezone }, problems), null);
  return problems;
}

test('compileFilter() reports every mistake with its file and line', () => {
  const problems = problemsOf({
    failregex: ['^<HOST> ok$', '^<HOST> (broken', '^nobody$'],
    ignoreregex: ['*'],
    datepattern: '%Y(',
  });
  assert.deepEqual(problems.slice(0, 3).map(formatProblem), [
    'filter.d/x.conf:3: failregex: cannot read "^<HOST> (broken" at character 9: the group is not closed, ")" is missing',
    'filter.d/x.conf:2: ignoreregex: cannot read "*" at character 1: there is nothing that "*" could repeat',
    'filter.d/x.conf:4: failregex: "^nobody$" captures no address and no id',
  ]);
  assert.equal(problems[0]?.hint, '^<HOST> (broken\n        ^');
  assert.equal(problems[3]?.key, 'datepattern');
});

test('compileFilter() takes the id from prefregex, and says nothing of it where that is broken', () => {
  assert.ok(filterOf({ prefregex: '^<HOST>: <F-CONTENT>.+</F-CONTENT>$', failregex: ['^refused'] }));
  assert.ok(filterOf({ failregex: ['^<F-MLFID>\\w+</F-MLFID> refused'] }));
  const problems = problemsOf({ prefregex: '^(<HOST>', failregex: ['^refused'] });
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['prefregex'],
  );
});

test('compileFilter() reports a zone that there is none of as one of the jail', () => {
  const [problem] = problemsOf({ failregex: ['<HOST>'] }, 'Europe/Atlantis');
  assert.deepEqual(
    [problem?.key, problem?.text, problem?.place],
    ['logtimezone', 'there is no time zone "Europe/Atlantis"', null],
  );
});

test('compileFilter() does not blame the datepattern for a zone, and reports both where both are wrong', () => {
  const keys = (datepattern: string) =>
    problemsOf({ failregex: ['<HOST>'], datepattern }, 'Europe/Atlantis').map(({ key }) => key);
  assert.deepEqual(keys('%Y-%m-%d'), ['logtimezone']);
  assert.deepEqual(keys('%Y('), ['logtimezone', 'datepattern']);
});

test('only failregex is compiled for several lines', () => {
  const { failregex, ignoreregex } = filterOf({ failregex: ['^a <HOST>'], ignoreregex: ['^b'], maxlines: 2 });
  assert.equal(failregex[0]?.regex.isAnchored, false);
  assert.equal(ignoreregex[0]?.regex.isAnchored, true);
});

test('needsEveryLine() of a filter over several lines', () => {
  assert.equal(needsEveryLine(filterOf({ failregex: ['<HOST>'], maxlines: 2 })), true);
  assert.equal(needsEveryLine(filterOf({ failregex: ['<HOST>'] })), false);
});
