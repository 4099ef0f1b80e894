import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Form,
  print,
  printAsciiSet,
  printChar,
  printExactSet,
} from '../../../src/filter/regex/print.ts';
import type { CharSet } from '../../../src/filter/regex/tree.ts';
import { parsed } from './parsed.ts';

/** The match and the kept groups by Python's number, as the native expression finds them; null: none. */
function found(
  pattern: string,
  text: string,
  form: Form = 'ascii',
): Record<string, string | undefined> | null {
  const { source, flags, numbers } = print(parsed(pattern), form);
  const match = new RegExp(source, flags).exec(text);
  if (match === null) return null;
  return Object.fromEntries([
    ['0', match[0]],
    ...[...numbers].map(([index, number]) => [index, match[number]]),
  ]);
}

test('only groups that somebody reads become groups', () => {
  const { source, numbers } = print(parsed('(a)(?P<x>b)'), 'ascii');
  assert.equal(source, '(?:(?:a)(b))');
  assert.deepEqual([...numbers], [[2, 1]]);
});

test('both forms have the same numbers', () => {
  for (const pattern of ['(?P<x>a)?(?>b)(?P<y>c)', '(?P<x>a*)(?(x)b|c)(?P<y>d)', '(\\d)(?P<y>\\w)\\1']) {
    const [ascii, exact] = [print(parsed(pattern), 'ascii'), print(parsed(pattern), 'exact')];
    assert.deepEqual([...ascii.numbers], [...exact.numbers], pattern);
  }
});

test('an atomic group and a possessive repeat give nothing back', () => {
  assert.equal(found('(?>a|ab)c', 'abc'), null);
  assert.equal(found('a++a', 'aaa'), null);
  assert.deepEqual(found('(?>a|ab)bc', 'abc'), { 0: 'abc' });
  assert.deepEqual(found('(?:ab)?+c', 'abc'), { 0: 'abc' });
});

test('a conditional asks whether a group is set, to nothing as well', () => {
  assert.deepEqual(found('^(x)?(?(1)y|z)', 'xy'), { 0: 'xy', 1: 'x' });
  assert.deepEqual(found('^(x)?(?(1)y|z)', 'z'), { 0: 'z', 1: undefined });
  assert.equal(found('^(x)?(?(1)y|z)', 'xz'), null);
  assert.deepEqual(found('^(x*)(?(1)y|z)', 'y'), { 0: 'y', 1: '' });
  assert.equal(found('^(x*)(?(1)y|z)', 'z'), null);
  assert.deepEqual(found('^(?:(x*)a|b)(?(1)y|z)', 'bz'), { 0: 'bz', 1: undefined });
});

test('a reference to a group that is not set matches nothing', () => {
  assert.equal(found('(?:(a)|b)\\1c', 'bc'), null);
  assert.deepEqual(found('(?:(a)|b)\\1c', 'aac'), { 0: 'aac', 1: 'a' });
});

test('an optional part that is empty sets its groups', () => {
  assert.deepEqual(found('^(?P<x>a?)?b', 'b'), { 0: 'b', 1: '' });
});

test('$ stops before a newline that ends the text, and (?m) has it before every other', () => {
  assert.deepEqual(found('a$', 'a\n'), { 0: 'a\n' });
  assert.deepEqual(found('(?P<x>.*)$', 'a\n'), { 0: 'a\n', 1: 'a' });
  assert.equal(found('a$', 'a\n\n'), null);
  assert.equal(found('a\\Z', 'a\n'), null);
  assert.deepEqual(found('(?m)^b$', 'a\nb\nc\n'), { 0: 'b' });
  assert.equal(found('a$b', 'a\nb'), null);
});

test('the exact form has the classes and edges of Unicode, the other those of ASCII', () => {
  assert.deepEqual(found('\\b\\w+\\b', '-\u00e9a-', 'exact'), { 0: '\u00e9a' });
  assert.deepEqual(found('a.b', 'a\u{1f600}b', 'exact'), { 0: 'a\u{1f600}b' });
  assert.deepEqual(found('\\d+', '1\u0662', 'exact'), { 0: '1\u0662' });
  assert.deepEqual(found('(?i)k+', 'kK\u212a', 'exact'), { 0: 'kK\u212a' });
  assert.deepEqual(found('\\s+', 'a \x1c\x1f\t', 'ascii'), { 0: ' \x1c\x1f\t' });
});

const setOf = (more: Partial<CharSet>): CharSet => ({
  ranges: [],
  categories: [],
  isNegated: false,
  fold: 'none',
  ...more,
});

test('printAsciiSet() is short: a character, a named class, or the ranges that are fewer', () => {
  const a = { lo: 97, hi: 97 };
  assert.equal(printAsciiSet(setOf({ ranges: [a] })), 'a');
  assert.equal(printAsciiSet(setOf({ categories: ['d'] })), '\\d');
  assert.equal(printAsciiSet(setOf({ ranges: [a], fold: 'ascii' })), '[Aa]');
  assert.equal(printAsciiSet(setOf({ ranges: [{ lo: 10, hi: 10 }], isNegated: true })), '[^\\x0a]');
  assert.equal(printAsciiSet(setOf({ categories: ['w', 'W'] })), '[^]');
  assert.equal(printAsciiSet(setOf({ ranges: [{ lo: 0xe9, hi: 0xe9 }] })), '[]');
});

test('law: printAsciiSet() and printExactSet() take the same ASCII characters', () => {
  for (const pattern of [
    '.',
    '\\W',
    '[^]a]',
    '[\\^$.*+?()[\\]{}|/&!~-]',
    '(?i:[a-k])',
    '[^\\s\\d]',
    '(?a:[\\D])',
    '[--/]',
  ]) {
    const { root } = parsed(pattern);
    assert.ok(root.kind === 'set', pattern);
    const [ascii, exact] = [
      new RegExp(`^${printAsciiSet(root.set)}$`),
      new RegExp(`^${printExactSet(root.set)}$`, 'v'),
    ];
    for (let code = 0; code < 128; code++) {
      const char = String.fromCharCode(code);
      assert.equal(ascii.test(char), exact.test(char), `${pattern} on ${JSON.stringify(char)}`);
    }
  }
});

test('law: printChar() is that character and no other, under every flag', () => {
  for (const code of [...Array(256).keys(), 0x2028, 0x1f600]) {
    const char = String.fromCodePoint(code);
    assert.ok(new RegExp(`^${printChar(code)}$`, 'v').test(char), `U+${code.toString(16)}`);
    if (code < 256) assert.ok(new RegExp(`^${printChar(code)}$`).test(char), `U+${code.toString(16)}`);
  }
});
