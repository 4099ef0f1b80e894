import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchText, RegexError } from '../../../src/filter/regex/failregex.ts';
import { compile, fieldsOf } from './fieldsof.ts';

test('classes are those of Unicode in lines that are not ASCII', () => {
  assert.deepEqual(fieldsOf(compile('user (?P<u>\\w+)\\b'), 'user Zoë!'), { u: 'Zoë' });
  assert.deepEqual(fieldsOf(compile('(?P<u>\\S+)\\s'), 'ab\u00a0c'), { u: 'ab' });
  assert.deepEqual(fieldsOf(compile('(?P<u>\\S+)\\s'), 'ab\x1cc'), { u: 'ab' });
  assert.deepEqual(fieldsOf(compile('a(?P<u>.)b'), 'a😀b'), { u: '😀' });
  assert.deepEqual(fieldsOf(compile('a(?P<u>.)b'), 'a\u2028b'), { u: '\u2028' });
});

test('a capture outlives the turn of the loop that made it', () => {
  const regex = compile('^(?:user=(?P<user>\\w+)|\\w+=\\w+|;)+$');
  assert.deepEqual(fieldsOf(regex, 'user=root;port=22'), { user: 'root' });
});

test('compileFailregex() refuses what is empty, nested too deep, or wrong, with the place where it was written', () => {
  const refused = (text: string, message: string, offset: number): void =>
    assert.throws(
      () => compile(text),
      (error) => error instanceof RegexError && error.message === message && error.offset === offset,
      text,
    );
  refused(' ', 'the pattern is empty', 0);
  refused('('.repeat(50_000), 'the brackets are nested too deep', 0);
  refused('<F-USER>a</F-USER> <HOST> b)', 'this ")" closes nothing', 27);
});

test('matchText() answers where the match stands, and groups by the numbers of `fields`', () => {
  const regex = compile('b(?P<x>.)(?:c(?P<y>d)|e)');
  const match = matchText(regex, 'abzez\n');
  assert.deepEqual([match?.start, match?.end], [1, 4]);
  assert.equal(match?.groups[regex.fields.get('x') ?? -1], 'z');
  assert.equal(match?.groups[regex.fields.get('y') ?? -1], undefined);
});

test('a group that no text can set has a field and is never set', () => {
  const regex = compile('(?:(?P<x>[^\\s\\S])|a)(?P<y>b)');
  assert.deepEqual(fieldsOf(regex, 'ab'), { y: 'b' });
});

test('the tree is parsed again when it is asked for, and is the same', () => {
  const regex = compile('^(?P<x>a) <HOST>$');
  assert.deepEqual([...regex.tree.names], [...regex.names]);
});
