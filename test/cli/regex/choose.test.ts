import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { chooseFilter, chooseIgnore } from '../../../src/cli/regex/choose.ts';
import { memoryTree } from '../../../src/config/tree.ts';

const TREE = memoryTree(
  new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^<word> <HOST>$\n[Init]\nword = bad\n'],
    ['filter.d/empty.conf', '[Definition]\nfailregex =\n'],
    ['jail.conf', '[web]\nfilter = app[word=worse]\nlogencoding = latin1\nlogpath = x\n'],
  ]),
);
const regexes = (word: string) => chooseFilter(TREE, word, 'auto').source.failregex.map(({ text }) => text);

test('chooseFilter() takes a filter by its name, with options', () => {
  assert.deepEqual(regexes('app'), ['^bad <HOST>$']);
  assert.deepEqual(regexes('app[word=evil]'), ['^evil <HOST>$']);
  assert.deepEqual(regexes('filter.d/app'), ['^bad <HOST>$']);
  assert.deepEqual(regexes('filter.d/app.conf[word=evil]'), ['^evil <HOST>$']);
});

test('chooseFilter() takes a jail with what it adds, and a regex as it stands', () => {
  const { source, encoding } = chooseFilter(TREE, 'web', 'auto');
  assert.deepEqual([source.failregex[0]?.text, encoding], ['^worse <HOST>$', 'iso-8859-1']);
  assert.deepEqual(regexes('^no <HOST>$'), ['^no <HOST>$']);
});

test('chooseFilter() refuses what is no filter, and says what was probably meant', () => {
  assert.throws(
    () => chooseFilter(TREE, 'ap', 'auto'),
    (error) => error instanceof UsageError && error.hint === 'did you mean "app"?',
  );
  assert.throws(() => chooseFilter(TREE, 'empty', 'auto'), /the filter "empty" has no failregex/);
});

test('chooseIgnore() takes a regex unless a file has that name', () => {
  assert.deepEqual(
    chooseIgnore(TREE, 'ok$').regexes.map(({ text }) => text),
    ['ok$'],
  );
  assert.equal(chooseIgnore(TREE, 'ok$').intro, 'Use ignoreregex line : ok$');
});
