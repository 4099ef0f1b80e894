import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backtrack, holds, testerOf, type Walked, walkerOf } from '../../../src/filter/regex/backtrack.ts';
import type { Anchor } from '../../../src/filter/regex/tree.ts';
import { parsed } from './parsed.ts';

const walk = (pattern: string, text: string): Walked | null =>
  backtrack(walkerOf(parsed(pattern)), text).found;

/** The whole match and the groups of it, as Python's `re.search` answers them: null = not set. */
function groups(pattern: string, text: string): readonly (string | null)[] | null {
  const found = walk(pattern, text);
  if (found === null) return null;
  const [, ...spans] = found.spans;
  return [
    text.slice(found.start, found.end),
    ...spans.map((span) => span && text.slice(span.start, span.end)),
  ];
}

// What CPython 3.11 answers.
const ANSWERS: readonly (readonly [
  pattern: string,
  text: string,
  answer: readonly (string | null)[] | null,
])[] = [
  ['(a)|b\\1', 'b', null],
  ['(?:a|ab)(?:c|bcd)(d*)', 'abcd', ['abcd', '']],
  ['^(?:(a)|b)*$', 'ab', ['ab', 'a']],
  ['^(a?)*$', 'aa', ['aa', '']],
  ['(|a)+', 'a', ['', '']],
  ['x*?', 'xx', ['']],
  ['(?>a|ab)c', 'abc', null],
  ['a++a', 'aaa', null],
  ['(?<=ab)c', 'abc', ['c']],
  ['(x)?(?(1)y|z)', 'xy', ['xy', 'x']],
  ['(x)?(?(1)y|z)', 'z', ['z', null]],
  ['(?!(a)b)a\\1', 'ac', null],
  ['^(?:(a)(?!b)|a)c', 'ac', ['ac', 'a']],
  ['(?=(a))a', 'a', ['a', 'a']],
  ['(?i)(x)\\1', 'xX', ['xX', 'x']],
  ['(x)\\1', 'xX', null],
  ['a$', 'a\n', ['a']],
  ['a\\Z', 'a\n', null],
  ['b?\\Z', 'a', ['']],
  ['(?m)^b$', 'a\nb\n', ['b']],
];

test("backtrack() finds what CPython's re finds, by its order of trial", () => {
  for (const [pattern, text, answer] of ANSWERS) assert.deepEqual(groups(pattern, text), answer, pattern);
});

test('backtrack() tells places in UTF-16 units, and takes a character that has two for one', () => {
  assert.deepEqual(walk('b.(c)', 'a\u{1f600}b\u{1f600}c'), {
    start: 3,
    end: 7,
    spans: [null, { start: 6, end: 7 }],
  });
});

test('a walk that would take for ever gives up', () => {
  const walker = walkerOf(parsed('^(?:(?P<x>a)|a|aa)+$'));
  const { found, gaveUp } = backtrack(walker, `${'a'.repeat(40)}b\n`);
  assert.deepEqual([found, gaveUp], [null, true]);
  assert.deepEqual(backtrack(walker, 'a\n').gaveUp, false, 'the next text begins anew');
});

test('a walk whose stack overflows gives up, too', () => {
  const { found, gaveUp } = backtrack(walkerOf(parsed('^(?:a|b)+$')), `${'ab'.repeat(50_000)}c\n`);
  assert.deepEqual([found, gaveUp], [null, true]);
});

test('a walk that finds nothing says how far it got and which parts failed there', () => {
  const text = '^<HOST> - (?:GET|POST) /';
  assert.deepEqual(backtrack(walkerOf(parsed(text)), '192.0.2.7 - PUT /\n').furthest, {
    offset: 13,
    at: [text.lastIndexOf('OST')],
  });
});

test('holds() knows what stands around each place', () => {
  const codes = [...'a-\nb\n'].map((char) => char.charCodeAt(0));
  const places = (anchor: Anchor): number[] => [0, 1, 2, 3, 4, 5].filter((pos) => holds(anchor, codes, pos));
  assert.deepEqual(places('start'), [0]);
  assert.deepEqual(places('end'), [5]);
  assert.deepEqual(places('finalEnd'), [4, 5]);
  assert.deepEqual(places('lineStart'), [0, 3, 5]);
  assert.deepEqual(places('lineEnd'), [2, 4, 5]);
  assert.deepEqual(places('word'), [0, 1, 3, 4]);
  assert.deepEqual(places('notWord'), [2, 5]);
});

test('holds() takes letters of other alphabets for those of a word, but for those of (?a)', () => {
  const codes = [0xe9, 0x20];
  assert.deepEqual(
    [holds('word', codes, 0), holds('asciiWord', codes, 0), holds('notAsciiWord', codes, 0)],
    [true, false, true],
  );
});

test('testerOf() knows a set beyond ASCII', () => {
  const takes = testerOf({
    ranges: [{ lo: 0x41, hi: 0x41 }],
    categories: ['d'],
    isNegated: true,
    fold: 'none',
  });
  assert.deepEqual([0x41, 0x42, 0x662, 0x1f600].map(takes), [false, true, false, true]);
});
