import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasOpenQuote, splitWords } from '../../src/base/shellwords.ts';

test('splitWords() keeps together what quotes and backslashes hold together', () => {
  assert.deepEqual(splitWords(`_A=b 'c d'"e" f\\ g`), ['_A=b', 'c de', 'f g']);
  assert.deepEqual(splitWords('  '), []);
});

test('hasOpenQuote() sees a quote that nothing closes, and a backslash at the end', () => {
  for (const text of ['"a', "a'b", 'a\\', `"a'`]) assert.equal(hasOpenQuote(text), true, text);
  for (const text of ['', 'a', '"a"', `"a'"`, "'\"'", '\\"', '"\\""'])
    assert.equal(hasOpenQuote(text), false, text);
});
