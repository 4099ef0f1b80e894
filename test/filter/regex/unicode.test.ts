import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CharSet } from '../../../src/filter/regex/tree.ts';
import { asciiMembers, equivalents, foldedRanges, merged } from '../../../src/filter/regex/unicode.ts';

const setOf = (more: Partial<CharSet>): CharSet => ({
  ranges: [],
  categories: [],
  isNegated: false,
  fold: 'none',
  ...more,
});
const charsOf = (codes: readonly number[]): string =>
  String.fromCodePoint(...codes.toSorted((a, b) => a - b));
const code = (char: string): number => char.codePointAt(0) ?? 0;
const membersOf = (set: CharSet): string =>
  asciiMembers(set)
    .flatMap((isIn, at) => (isIn ? [String.fromCharCode(at)] : []))
    .join('');

test("equivalents() are the letters that Python's (?i) takes as one", () => {
  assert.equal(charsOf(equivalents(code('k'), 'unicode')), 'Kk\u212a');
  assert.equal(charsOf(equivalents(code('S'), 'unicode')), 'Ss\u017f');
  assert.equal(charsOf(equivalents(code('i'), 'unicode')), 'Ii\u0130\u0131');
  assert.equal(charsOf(equivalents(code('\u03c3'), 'unicode')), '\u03a3\u03c2\u03c3');
  assert.equal(charsOf(equivalents(code('\u00df'), 'unicode')), '\u00df\u1e9e');
  assert.equal(charsOf(equivalents(code('\u212a'), 'unicode')), 'Kk\u212a');
  assert.equal(charsOf(equivalents(code('1'), 'unicode')), '1');
});

test('equivalents() under (?a) are two, and none without (?i)', () => {
  assert.equal(charsOf(equivalents(code('k'), 'ascii')), 'Kk');
  assert.equal(charsOf(equivalents(code('\u00e9'), 'ascii')), '\u00e9');
  assert.equal(charsOf(equivalents(code('k'), 'none')), 'k');
});

test('law: what is equal to a letter has the same equals', () => {
  for (let one = 0x41; one < 0x250; one++) {
    const all = equivalents(one, 'unicode');
    assert.ok(all.includes(one));
    for (const other of all)
      assert.equal(charsOf(equivalents(other, 'unicode')), charsOf(all), `U+${one.toString(16)}`);
  }
});

test('asciiMembers() are the ASCII characters of a set', () => {
  assert.equal(membersOf(setOf({ ranges: [{ lo: code('x'), hi: 0x2000 }] })), 'xyz{|}~\x7f');
  assert.equal(membersOf(setOf({ categories: ['d'] })), '0123456789');
  assert.equal(membersOf(setOf({ categories: ['s'] })), '\t\n\v\f\r\x1c\x1d\x1e\x1f ');
  assert.equal(asciiMembers(setOf({ categories: ['w', 'W'] })).every(Boolean), true);
  assert.equal(membersOf(setOf({ ranges: [{ lo: 0, hi: code('w') }], isNegated: true })), 'xyz{|}~\x7f');
});

test('asciiMembers() under a fold takes both cases, and the ASCII letter of a sign that equals it', () => {
  const kelvin = [{ lo: 0x212a, hi: 0x212a }];
  assert.equal(membersOf(setOf({ ranges: [{ lo: code('a'), hi: code('b') }], fold: 'ascii' })), 'ABab');
  assert.equal(membersOf(setOf({ ranges: kelvin, fold: 'unicode' })), 'Kk');
  assert.equal(membersOf(setOf({ ranges: kelvin, fold: 'ascii' })), '');
});

test('foldedRanges() are sorted, whole, and have the equals of every letter', () => {
  const [a, z] = [code('a'), code('z')];
  assert.deepEqual(foldedRanges(setOf({ ranges: [{ lo: a, hi: z }] })), [{ lo: a, hi: z }]);
  assert.deepEqual(foldedRanges(setOf({ ranges: [{ lo: a, hi: z }], fold: 'ascii' })), [
    { lo: 0x41, hi: 0x5a },
    { lo: a, hi: z },
  ]);
  assert.deepEqual(foldedRanges(setOf({ ranges: [{ lo: 0xe9, hi: 0xe9 }], fold: 'unicode' })), [
    { lo: 0xc9, hi: 0xc9 },
    { lo: 0xe9, hi: 0xe9 },
  ]);
  const wide = foldedRanges(setOf({ ranges: [{ lo: 0x391, hi: 0x3a9 + 64 }], fold: 'unicode' }));
  assert.ok(
    wide.some(({ lo, hi }) => lo <= 0x2126 && hi >= 0x2126),
    'the ohm sign is an omega',
  );
});

test('merged() joins ranges that overlap or touch', () => {
  assert.deepEqual(
    merged([
      { lo: 5, hi: 6 },
      { lo: 1, hi: 2 },
      { lo: 3, hi: 3 },
      { lo: 10, hi: 20 },
      { lo: 12, hi: 15 },
    ]),
    [
      { lo: 1, hi: 3 },
      { lo: 5, hi: 6 },
      { lo: 10, hi: 20 },
    ],
  );
});
