import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatePatternError, plain, splice, translate } from '../../../src/filter/date/translate.ts';

const SPAN = 'date';
const translated = (python: string, isTail = false) => translate(plain(python, 0), SPAN, isTail);

test('plain() and splice() keep where each character was written, what is put in stems from its place', () => {
  assert.deepEqual(plain('ab', 5), { text: 'ab', origins: [5, 6] });
  assert.deepEqual(splice(plain('abcd', 5), 1, 2, 'xyz'), { text: 'axyzd', origins: [5, 6, 6, 6, 8] });
  assert.deepEqual(splice(plain('ab', 5), 2, 0, ')'), { text: 'ab)', origins: [5, 6, 7] });
  assert.deepEqual(splice(plain('', 5), 0, 0, '('), { text: '(', origins: [0] });
});

test('translate() answers the native numbers of the named groups, whatever other groups there are', () => {
  const { ascii, groups } = translated('(x)(?P<date>(?P<Y>\\d+)-(y)(?P<m>\\d+))', true);
  const found = ascii.exec('x2005-y8');
  const value = (name: string): string | undefined => found?.[groups.get(name) ?? -1];
  assert.deepEqual([value('Y'), value('m'), value('date')], ['2005', '8', '2005-y8']);
});

test('translate() puts a group around what stands before a span at the top', () => {
  const { ascii, prefix } = translated('^at (?P<date>\\d+) x');
  assert.equal(ascii.exec('at 12 x')?.[prefix], 'at ');
  assert.equal(ascii.flags, 'g');
});

test('translate() has the engine tell places of a span that is not at the top', () => {
  const { ascii, prefix, groups } = translated('(?:at (?P<date>\\d+))+');
  assert.equal(prefix, 0);
  assert.deepEqual(ascii.exec('at 12')?.indices?.[groups.get(SPAN) ?? -1], [3, 5]);
});

test('translate() names the groups that stand outside of the span', () => {
  const { outside } = translated('(?P<H>\\d+) (?P<date>(?P<Y>\\d+) (?P<m>\\d+)) (?P<M>\\d+)');
  assert.deepEqual(outside, ['H', 'M']);
});

test('translate() has a form for lines of other characters, where \\d and \\w are those of Unicode', () => {
  const { ascii, exact } = translated('^(?P<date>\\d+\\w)', true);
  assert.equal(ascii.exec('\u0662x'), null);
  assert.equal(exact().exec('\u0662\u00e9')?.[0], '\u0662\u00e9');
  assert.equal(exact(), exact());
});

test('translate() throws a DatePatternError with the place in the text as it was written', () => {
  assert.throws(
    () => translate(plain('(?P<date>x', 10), SPAN, true),
    (error) => error instanceof DatePatternError && error.offset === 10,
  );
});
