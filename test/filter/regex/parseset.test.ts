import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testerOf } from '../../../src/filter/regex/backtrack.ts';
import { RegexError } from '../../../src/filter/regex/reader.ts';
import { parsed } from './parsed.ts';

/** Those of the characters that the class or escape takes. */
function taken(pattern: string, chars: string): string {
  const { root } = parsed(pattern);
  assert.ok(root.kind === 'set', pattern);
  const takes = testerOf(root.set);
  return [...chars].filter((char) => takes(char.codePointAt(0) ?? 0)).join('');
}

function refusal(pattern: string): [message: string, offset: number] {
  try {
    parsed(pattern);
  } catch (error) {
    if (error instanceof RegexError) return [error.message, error.offset];
  }
  return ['taken', -1];
}

test('a bracket that stands first in a class and a dash at either end are members', () => {
  assert.equal(taken('[]a]', ']ab'), ']a');
  assert.equal(taken('[^]a]', ']ab'), 'b');
  assert.equal(taken('[a-]', 'ab-'), 'a-');
  assert.equal(taken('[-a]', 'ab-'), 'a-');
});

test('a class is negated by a ^ that stands first, and by no other', () => {
  assert.equal(taken('[^a^]', 'ab^'), 'b');
  assert.equal(taken('[a^]', 'ab^'), 'a^');
});

test('escapes in a class mean what they mean in Python', () => {
  assert.equal(taken('[\\b]', '\x08b'), '\x08');
  assert.equal(taken('[\\]\\\\]', ']\\a'), ']\\');
  assert.equal(taken('[\\x41\\u00e9\\U0001f600\\101]', 'AB\u00e9\u{1f600}'), 'A\u00e9\u{1f600}');
  assert.equal(taken('[\\a\\f\\n\\r\\t\\v]', '\x07\f\n\r\t\va'), '\x07\f\n\r\t\v');
  assert.equal(taken('\\377', '\xff'), '\xff');
  assert.equal(taken('[\\0\\07]', '\0\x07'), '\0\x07');
});

test('a dot takes all but a newline, under (?s) that as well', () => {
  assert.equal(taken('.', 'a\n\r\u2028\u{1f600}'), 'a\r\u2028\u{1f600}');
  assert.equal(taken('(?s:.)', 'a\n'), 'a\n');
});

test('categories are those of Unicode, under (?a) those of ASCII', () => {
  assert.equal(taken('\\d', '1\u0662\u00b2a'), '1\u0662');
  assert.equal(taken('\\w', 'a_1\u00e9\u00b2\u0301-'), 'a_1\u00e9\u00b2');
  assert.equal(taken('\\s', ' \x1c\x85\xa0\ufeff\u180e'), ' \x1c\x85\xa0');
  assert.equal(taken('\\D', '1\u0662a'), 'a');
  assert.equal(taken('(?a:\\d)', '1\u0662'), '1');
  assert.equal(taken('(?a:\\D)', '/09:'), '/:');
  assert.equal(taken('(?a:\\W)', '/09:@AZ[^_`az{'), '/:@[^`{');
  assert.equal(taken('(?a:\\w)', 'a\u00e9'), 'a');
  assert.equal(taken('(?a:\\s)', ' \x1c\x85\v'), ' \v');
  assert.equal(taken('(?a:\\S)', ' \x1c\x85\v'), '\x1c\x85');
  assert.equal(taken('(?a:[\\W_])', 'a_\u00e9'), '_\u00e9');
});

test('(?i) takes letters of both cases in a class, and what is outside of a negated one', () => {
  assert.equal(taken('(?i:[a-c])', 'aBd'), 'aB');
  assert.equal(taken('(?i:[^a])', 'aAb'), 'b');
  assert.equal(taken('(?i:[\u00c9])', '\u00e9\u00c9e'), '\u00e9\u00c9');
});

test('ranges that run backwards or have a category for an end are refused', () => {
  assert.deepEqual(refusal('[z-a]'), ['the range "z-a" ends before it begins', 1]);
  assert.deepEqual(refusal('[a-\\d]'), ['the range "a-\\d" has an end that is no single character', 1]);
  assert.deepEqual(refusal('[\\d-a]'), ['the range "\\d-a" has an end that is no single character', 1]);
});

test('escapes without a meaning are refused, signs and letters of other alphabets mean themselves', () => {
  assert.deepEqual(refusal('\\q'), ['the escape \\q has no meaning', 0]);
  assert.deepEqual(refusal('[\\8]'), ['the escape \\8 has no meaning', 1]);
  assert.deepEqual(refusal('\\x4'), ['the escape \\x lacks hexadecimal digits', 0]);
  assert.deepEqual(refusal('\\400'), ['the octal escape \\400 is over \\377', 0]);
  assert.deepEqual(refusal('\\Uffffffff'), ['the escape \\Uffffffff is no character', 0]);
  assert.deepEqual(refusal('a\\'), ['the pattern ends in a backslash', 1]);
  assert.deepEqual(refusal('\\N{BULLET}'), [
    'cannot have \\N{...}: write the character itself or \\uXXXX',
    0,
  ]);
  assert.equal(taken('\\_', '_a'), '_');
  assert.equal(taken('\\\u00e9', '\u00e9e'), '\u00e9');
});
