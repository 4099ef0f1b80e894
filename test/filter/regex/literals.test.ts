import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnchored, mandatoryLiterals } from '../../../src/filter/regex/literals.ts';
import { parsed } from './parsed.ts';

const literals = (pattern: string) => mandatoryLiterals(parsed(pattern).root);
const texts = (pattern: string) => literals(pattern).map((set) => set.texts);

test('the literals of a pattern are those that no match can do without, the most telling first', () => {
  assert.deepEqual(literals('^Failed (?:password|publickey) for <HOST>')[0], {
    texts: ['Failed password for ', 'Failed publickey for '],
    isFolded: false,
  });
  assert.deepEqual(texts('^in \\S+ for longer$'), [[' for longer'], ['in ']]);
  assert.deepEqual(texts('<HOST>'), []);
  assert.deepEqual(texts('(?:abc)?x'), []);
  assert.deepEqual(texts('(?:abc|)def'), [['abcdef', 'def']]);
});

test('what a look wants or a repeat may leave out is no literal', () => {
  assert.deepEqual(texts('(?=abc)\\w+(?!def)(?:ghi)*'), []);
  assert.deepEqual(texts('(?:ghi)+'), [['ghi']]);
  assert.deepEqual(texts('(?P<x>abc)\\d(?>def)'), [['abc'], ['def']]);
});

test('every branch has its share of a set, or there is none', () => {
  assert.deepEqual(texts('(?:abc\\d|def\\w*)'), [['abc', 'def']]);
  assert.deepEqual(texts('(?:abc\\d|\\w+)'), []);
  assert.deepEqual(texts('(x)?(?(1)abc|de\\d)'), [['abc', 'de']]);
});

test('a small class or count is spelt out, a large one ends the literal', () => {
  assert.deepEqual(texts('ab[12]c'), [['ab1c', 'ab2c']]);
  assert.deepEqual(texts('ab?c'), [['ac', 'abc']]);
  assert.deepEqual(texts('ab[a-z]cd'), [['ab'], ['cd']]);
  assert.deepEqual(texts('ab{4}c'), [['abbbbc']]);
  assert.deepEqual(texts('ab{5}cd'), [['cd']]);
});

test('literals are compared without case where letters are, but for those with equals outside of ASCII', () => {
  assert.deepEqual(literals('(?i)error [45]0')[0], { texts: ['error 40', 'error 50'], isFolded: true });
  assert.deepEqual(literals('(?i)skip'), []);
  assert.deepEqual(literals('(?ia)skip'), [{ texts: ['skip'], isFolded: true }]);
  assert.deepEqual(literals('(?i)network'), [{ texts: ['networ'], isFolded: true }]);
});

test('a literal ends where a date may have been cut out, and at a newline', () => {
  assert.deepEqual(texts('^\\[\\] \\[error\\] '), [['] [error] ']]);
  assert.deepEqual(texts('^<HOST> - - \\[\\] "GET '), [['] "GET '], [' - - [']]);
  assert.deepEqual(texts('^host  sshd: '), [[' sshd: '], ['host ']]);
  assert.deepEqual(texts('abc\\ndef'), [['abc'], ['def']]);
});

test('isAnchored() says that a match can only begin at the start', () => {
  const is = (pattern: string): boolean => isAnchored(parsed(pattern).root);
  for (const text of ['^a', '\\Aa', '(?:^a|^b)c', '(?P<x>^a)', '(?!x)^a', '\\b^a', '(?:^a)+'])
    assert.ok(is(text), text);
  for (const text of ['a', 'a|^b', '(?:^a)?b', '(?m)^a', '(?=^)a', 'a*^b', '']) assert.ok(!is(text), text);
});
