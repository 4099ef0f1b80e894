import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../../src/base/errors.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { lintFilter } from '../../../src/filter/lint/lint.ts';
import type { Filter } from '../../../src/filter/types.ts';

const filterOf = (parts: {
  prefregex?: string;
  failregex: string;
  ignoreregex?: string;
  maxlines?: number;
}): Filter => {
  const source = (text: string) => ({ text, place: { file: 'filter.d/x.conf', line: 2 } });
  const problems: Problem[] = [];
  const filter = compileFilter(
    {
      name: 'x',
      prefregex: parts.prefregex === undefined ? null : source(parts.prefregex),
      failregex: parts.failregex.split('\n').map(source),
      ignoreregex: parts.ignoreregex === undefined ? [] : [source(parts.ignoreregex)],
      datepattern: null,
      maxlines: parts.maxlines ?? 1,
      journalmatch: [],
    },
    { usedns: 'warn', logtimezone: null },
    problems,
  );
  assert.deepEqual(problems, []);
  assert.ok(filter !== null);
  return filter;
};
const lint = (
  failregex: string,
  more: { prefregex?: string; ignoreregex?: string; maxlines?: number } = {},
) => lintFilter(filterOf({ failregex, ...more }), false);
const kinds = (failregex: string): string[] => lint(failregex).map(({ kind }) => kind);

test('lintFilter() has nothing to say about patterns that hold', () => {
  for (const text of [
    '^Failed password for \\S+ from <HOST> port \\d+ ssh2$',
    '^<HOST> - - \\[\\] "GET [^"]*" 401 \\d+$',
    '^login failed: user=<F-USER>[^,]*</F-USER>, ip=<HOST>$',
    '^from [^[]*\\[<HOST>\\]: 550 no such user',
    '^(?:user \\w+ )?from <HOST>$',
  ]) {
    assert.deepEqual(lint(text), [], text);
  }
});

test('lintFilter() proves of a pattern without an anchor that it takes an address behind any text', () => {
  const [finding, ...others] = lint('authentication failure from <HOST>$');
  assert.equal(finding?.kind, 'unanchored');
  assert.equal(finding?.proof, 'any text authentication failure from 203.0.113.66');
  assert.deepEqual(others, []);
});

test('lintFilter() takes a ^ of a filter over several lines for the anchor it is', () => {
  assert.deepEqual(lint('^\\s*denied: <HOST>$', { maxlines: 2 }), []);
});

test('lintFilter() proves that a lazy wildcard before the address takes an address of the attacker', () => {
  const [finding] = lint('^Failed login for .*? from <HOST>');
  assert.equal(finding?.kind, 'smuggle');
  assert.match(finding?.proof ?? '', /203\.0\.113\.66.*198\.51\.100\.1/);
});

test('lintFilter() proves that a greedy wildcard with an open end takes one behind it', () => {
  const [finding] = lint('^Failed login for .* from <HOST>');
  assert.equal(finding?.kind, 'smuggle');
  assert.match(finding?.proof ?? '', /198\.51\.100\.1.*203\.0\.113\.66/);
});

test('lintFilter() leads its line through branches and parts that may be left out', () => {
  assert.deepEqual(kinds('^(?:login|user .+?) from <HOST>'), ['smuggle']);
  assert.deepEqual(kinds('^login(?: for .+?)? from <HOST>'), ['smuggle']);
  assert.deepEqual(kinds('^login (?:[\\w.]+ )*?from <HOST>'), ['smuggle']);
});

test('lintFilter() is content with a greedy wildcard whose end is closed', () => {
  assert.deepEqual(kinds('^Failed login for .* from <HOST>$'), []);
});

test('lintFilter() finds a wildcard behind the address when one before it gives way', () => {
  const [finding] = lint('^login for .* from <HOST> agent .*$');
  assert.equal(finding?.proof.startsWith('login for  from 198.51.100.1 agent '), true);
});

test('lintFilter() builds the line through prefregex, and believes it only when that matches', () => {
  const failregex = '^for .*? from <HOST>';
  const [finding] = lint(failregex, { prefregex: '^app\\[\\d+\\]: failed <F-CONTENT>.+</F-CONTENT>$' });
  assert.match(
    finding?.proof ?? '',
    /^app\[1\]: failed for .* from 203\.0\.113\.66 .* from 198\.51\.100\.1$/,
  );
  assert.deepEqual(lint(failregex, { prefregex: '^app: <F-CONTENT>for \\w+ from \\S+</F-CONTENT>$' }), []);
});

test('lintFilter() proves a prefregex that takes the address itself by what a failregex matches behind it', () => {
  const prefregex = '^(?:user .*? )?at <HOST>: <F-CONTENT>.+</F-CONTENT>$';
  const [finding, ...others] = lint('^refused', { prefregex });
  assert.equal(finding?.key, 'prefregex');
  assert.match(finding?.proof ?? '', /^user .* at 203\.0\.113\.66: .* at 198\.51\.100\.1: refused$/);
  assert.deepEqual(others, []);
});

test('lintFilter() proves nothing by a line that another regex answers, or that is ignored', () => {
  const failregex = '^login for .*? from <HOST>';
  assert.deepEqual(lint(failregex, { ignoreregex: ' from .* from ' }), []);
  const guarded = `^login for .* from <HOST>$\n${failregex}`;
  assert.deepEqual(lint(guarded), []);
});

test('lintFilter() tells a date that a client writes, unless the lines hold no date of their own', () => {
  const filter = filterOf({ failregex: '^failed login for .* from <HOST> at $' });
  const [finding, ...others] = lintFilter(filter);
  assert.deepEqual([finding?.kind, finding?.key, others], ['date', 'failregex 1', []]);
  assert.match(finding?.text ?? '', /; write datepattern = \(\{DATE\}\)\\s\*\$$/);
  assert.deepEqual(lintFilter(filter, false), []);
});
