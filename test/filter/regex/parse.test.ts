import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchText, RegexError } from '../../../src/filter/regex/failregex.ts';
import { compile, fieldsOf } from './fieldsof.ts';
import { parsed } from './parsed.ts';

/** Message and offset of what is wrong with the pattern. */
function refusal(text: string): [message: string, offset: number] {
  try {
    parsed(text);
  } catch (error) {
    assert.ok(error instanceof RegexError, String(error));
    return [error.message, error.offset];
  }
  return ['taken', -1];
}

const matches = (pattern: string, text: string): boolean => matchText(compile(pattern), text) !== null;

test('parse() refuses a group or class that is still open, and a bracket that closes nothing', () => {
  assert.deepEqual(refusal('a(b'), ['the group is not closed, ")" is missing', 1]);
  assert.deepEqual(refusal('a(?P<b>c'), ['the group is not closed, ")" is missing', 1]);
  assert.deepEqual(refusal('a(?=b'), ['the group is not closed, ")" is missing', 1]);
  assert.deepEqual(refusal('<HOST> a)b'), ['this ")" closes nothing', 8]);
  assert.deepEqual(refusal('<HOST> [a-'), ['the class is not closed, "]" is missing', 7]);
  assert.deepEqual(refusal('a(?#b'), ['the comment is not closed', 1]);
});

test('parse() refuses counts of nothing, of counts, and those that end below their beginning', () => {
  assert.deepEqual(refusal('a**'), ['"*" follows another repetition', 2]);
  assert.deepEqual(refusal('<HOST>|*'), ['there is nothing that "*" could repeat', 7]);
  assert.deepEqual(refusal('^*'), ['there is nothing that "*" could repeat', 1]);
  assert.deepEqual(refusal('\\b{2}'), ['there is nothing that "{2}" could repeat', 2]);
  assert.deepEqual(refusal('a{3,2}'), ['the count {3,2} ends below its beginning', 1]);
  assert.deepEqual(refusal('a{65536}'), ['the count {65536} is over 65535', 1]);
  for (const text of ['(?:^)*a', 'a{65535}', 'a{2,}', 'a{,2}'])
    assert.deepEqual(refusal(text), ['taken', -1], text);
});

test('parse() takes a brace that begins no count for itself', () => {
  for (const text of ['a{}', 'a{x}', 'a{1,2', 'a{,2']) assert.ok(matches(`^${text}$`, text), text);
  assert.deepEqual(refusal('^{1}$'), ['there is nothing that "{1}" could repeat', 1]);
  assert.ok(matches('^a{,2}b$', 'aab'));
  assert.ok(!matches('^a{,2}b$', 'aaab'));
});

test('parse() refuses names and references that mean no group', () => {
  assert.deepEqual(refusal('<HOST> <HOST>'), ['there are two groups "ip4"', 7]);
  assert.deepEqual(refusal('(?P=x)'), ['there is no group "x" before this place', 0]);
  assert.deepEqual(refusal('(?P<1>a)'), [`"1" cannot be a group's name: letters, digits and _ only`, 0]);
  assert.deepEqual(refusal('(?P>x)'), ['(?P must be followed by <name> or =name', 0]);
  assert.deepEqual(refusal('(?P=x'), ['(?P must be followed by <name> or =name', 0]);
  assert.deepEqual(refusal('a\\1(b)'), ['there is no group 1 before this place', 1]);
  assert.deepEqual(refusal('(a\\1)'), ['group 1 is still open here', 2]);
  assert.deepEqual(refusal('(?(2)a)(x)'), ['there is no group 2', 0]);
  assert.deepEqual(refusal('(?(x)a)'), ['there is no group "x" before this place', 0]);
  assert.deepEqual(refusal('(?(0)a)'), ['there is no group "0" before this place', 0]);
});

test('parse() lets a conditional ask for a group by number that only comes later', () => {
  assert.equal(refusal('(?(1)a|b)(x)')[0], 'taken');
  assert.deepEqual(refusal('(x)(?(1)a|b|c)'), ['the conditional has more than two branches', 3]);
});

test('parse() refuses a look-behind of more than one length', () => {
  assert.deepEqual(refusal('(?<=a+)b'), ['what a look-behind looks for must be of one length', 0]);
  assert.deepEqual(refusal('(?<=a|bc)d'), ['what a look-behind looks for must be of one length', 0]);
  assert.deepEqual(refusal('(?<!a{2}|bc)d'), ['taken', -1]);
});

test('parse() refuses flags that Python does not have, or not together', () => {
  assert.deepEqual(refusal('(?<name>a)'), ['Python writes a named group (?P<name>...)', 0]);
  assert.deepEqual(refusal('(?L)a'), ['cannot have the flag "L" here', 0]);
  assert.deepEqual(refusal('(?-a:b)'), ['cannot have the flag "a" here', 0]);
  assert.deepEqual(refusal('(?au)a'), ['the flags "a" and "u" exclude each other', 0]);
  assert.deepEqual(refusal('(?i-i:a)'), ['the flag "i" is turned on and off', 0]);
  assert.deepEqual(refusal('(?-i)a'), ['"(?-i" begins nothing that Python knows', 0]);
});

test('(?i) in the middle of a pattern holds for all of it, right behind a bracket for the group', () => {
  assert.ok(matches('\\.(?i)(jpg|jpeg|gif|png|pdf|js|txt)', 'GET /logo.JPG HTTP/1.1\n'));
  assert.ok(matches('x(?i)y', 'XY\n'));
  assert.ok(matches('SASL ((?i)LOGIN|PLAIN) failed', 'SASL login failed\n'));
  assert.ok(!matches('SASL ((?i)LOGIN|PLAIN) failed', 'sasl LOGIN failed\n'));
  assert.ok(matches('^(?i:a)b$', 'Ab\n'));
  assert.ok(!matches('^(?i:a)b$', 'AB\n'));
});

test('verbose patterns, comments, \\A, \\Z and flags of Python are had', () => {
  assert.deepEqual(fieldsOf(compile('(?x) \\A a\\ b  # a comment\n (?P<c> [ ] ) \\n \\Z'), 'a b '), {
    c: ' ',
  });
  assert.ok(matches('(?#a comment)a(?s:.)b', 'a\nb\n'));
  assert.ok(matches('(?m)^b$', 'a\nb\n'));
  assert.ok(!matches('a\\Z', 'a\n'));
  assert.ok(matches('a$', 'a\n'));
  assert.ok(!matches('a$', 'a\r\n'));
});

test('isMultiline makes ^ and $ those of every line', () => {
  const { root } = parsed('^a$', true);
  assert.ok(root.kind === 'seq');
  assert.deepEqual(
    root.items.map((item) => (item.kind === 'anchor' ? item.anchor : item.kind)),
    ['lineStart', 'set', 'lineEnd'],
  );
});

test('groups are numbered in the order of their opening brackets, named or not', () => {
  const { groups, names } = parsed('(a(?P<x>b))(?:c)(?P<y>d)');
  assert.equal(groups, 3);
  assert.deepEqual(
    [...names],
    [
      ['x', 2],
      ['y', 3],
    ],
  );
});

test('a double quote is an ordinary character', () => {
  const regex = compile('^<HOST> .*"(GET|POST) [^"]+" 401');
  assert.deepEqual(fieldsOf(regex, '10.2.1.99 - - "GET / HTTP/1.1" 401 -'), { ip4: '10.2.1.99' });
});
