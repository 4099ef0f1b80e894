import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadFilter } from '../../src/config/readfilter.ts';
import { type Files, load, onlyJail, texts, toldOf, treeOf } from './loading.ts';

function withFolder(files: Files, work: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'f2b-tree-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    work(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("a jail sees its filter as known/..., and what it sets replaces the filter's", () => {
  const jail = onlyJail({
    'filter.d/web.conf':
      '[Definition]\nfailregex = ^a <HOST>$\nignoreregex = b\ndatepattern = ^%%Y\nmaxlines = 3\n',
    'jail.d/x.conf':
      '[web]\nenabled = 1\nlogpath = /l\nfailregex = %(known/failregex)s\n  ^c <HOST>$\ndatepattern = %(known/datepattern)s-%%m\n',
  });
  assert.deepEqual(texts(jail.filter.failregex), ['^a <HOST>$', '^c <HOST>$']);
  assert.deepEqual(texts(jail.filter.ignoreregex), ['b']);
  assert.equal(jail.filter.datepattern?.text, '^%Y-%m');
  assert.equal(jail.filter.maxlines, 3);
});

test('logtype follows the backend unless the filter or its brackets say', () => {
  const files = {
    'filter.d/web.conf': '[Definition]\nfailregex = ^<p-<logtype>> <HOST>$\np-file = F\np-journal = J\n',
  };
  const regexOf = (rest: string): string | undefined =>
    load({ ...files, 'jail.d/x.conf': `[web]\nenabled = 1\nlogpath = /l\n${rest}` }).jails[0]?.filter
      .failregex[0]?.text;
  assert.equal(regexOf('backend = polling'), '^F <HOST>$');
  assert.equal(regexOf('backend = systemd[journalflags=1]'), '^J <HOST>$');
  assert.equal(regexOf('backend = systemd\nfilter = web[logtype=file]'), '^F <HOST>$');
});

test('a filter can be a file anywhere', () => {
  withFolder(
    {
      'x/my.conf': '[INCLUDES]\nbefore = b.conf\n[Definition]\nfailregex = %(a)s',
      'x/b.conf': '[DEFAULT]\na = A',
    },
    (root) => {
      assert.equal(loadFilter(treeOf({}), join(root, 'x/my.conf')).options.get('failregex'), 'A');
    },
  );
});

test('a filter with a mistake is refused, at the line of the mistake', () => {
  const { filter, problems } = loadFilter(treeOf({ 'filter.d/a.conf': '[Definition]\nmaxlines = 0\n' }), 'a');
  assert.equal(filter, null);
  assert.deepEqual(toldOf(problems), ['t:filter.d/a.conf:2: maxlines: cannot use 0: expected 1 or more']);
});
