import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unitOf } from '../../../../src/filter/regex/wasm/runs.ts';
import { parsed } from '../parsed.ts';
import { compilePattern } from '../pattern.ts';
import { compile, search } from './tried.ts';

/** What the group x of the pattern takes; null: no match. */
function taken(pattern: string, text: string): unknown {
  const regex = compilePattern(pattern);
  const tried = regex === null ? null : compile(regex);
  assert.ok(regex !== null && tried !== null, pattern);
  const found = search(tried, regex, `${text}\n`);
  return typeof found === 'object' && found !== null && 'x' in found ? found.x : found;
}

test('unitOf() is one character and the looks before it', () => {
  assert.deepEqual(unitOf(parsed('[ab]').root)?.looks, []);
  assert.equal(unitOf(parsed('(?!b)(?=a)\\w').root)?.looks.length, 2);
  assert.equal(unitOf(parsed('(?:(?!b)(?:(?=a)\\w))').root)?.looks.length, 2);
  for (const pattern of ['ab', '(a)', 'a|b', '^a', '(?!b)', ''])
    assert.equal(unitOf(parsed(pattern).root), null, pattern);
});

test('a greedy run takes as many as there are, and then fewer', () => {
  assert.equal(taken('^(?P<x>.*)b', 'abcbd'), 'abc');
  assert.equal(taken('^(?P<x>.*)$', 'abc'), 'abc');
  assert.equal(taken('^(?P<x>a*)ab', 'aaab'), 'aa');
  assert.equal(taken('^(?P<x>a+)ab', 'ab'), null);
  assert.equal(taken('^(?P<x>a{2,3})', 'aaaaa'), 'aaa');
  assert.equal(taken('^(?P<x>a{2,3})a', 'aaa'), 'aa');
  assert.equal(taken('^(?P<x>a{2,3})', 'a'), null);
  assert.equal(taken('^(?P<x>a{,2})b', 'aab'), 'aa');
});

test('a lazy run takes as few as may be, and then more', () => {
  assert.equal(taken('^(?P<x>.*?)b', 'abcbd'), 'a');
  assert.equal(taken('^(?P<x>.*?)$', 'abc'), 'abc');
  assert.equal(taken('^(?P<x>a{1,3}?)', 'aaa'), 'a');
  assert.equal(taken('^(?P<x>a{1,3}?)b', 'aaab'), 'aaa');
  assert.equal(taken('^(?P<x>a{1,2}?)b', 'aaab'), null);
  assert.equal(taken('^(?P<x>.+?)b', 'bb'), 'b');
});

test('a run of which what follows begins with none takes them all at once', () => {
  assert.equal(taken('^(?P<x>[^"]*)"', 'ab"c"'), 'ab');
  assert.equal(taken('^(?P<x>\\d+)x', '12x'), '12');
  assert.equal(taken('^(?P<x>\\d{3}) ', '1234 '), null);
  assert.equal(taken('^(?P<x>a++)b', 'aab'), 'aa');
});

test('a run ends where a look before its character says so', () => {
  assert.equal(taken('^(?P<x>(?:(?! from ).)*) from', 'a fro b from c from'), 'a fro b');
  assert.equal(taken('^(?P<x>(?:(?!b)\\w){2,})', 'aab'), 'aa');
  assert.equal(taken('^(?P<x>(?:(?!b)\\w){2,})', 'ab'), null);
});
