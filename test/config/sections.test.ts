import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFilter } from '../../src/config/readfilter.ts';
import { FILTER, load, on, onlyJail, told, treeOf } from './loading.ts';

test('later files win: X.conf, X.d/*.conf, X.local, X.d/*.local', () => {
  const jail = onlyJail({
    'filter.d/web.conf': FILTER,
    'jail.conf':
      '[web]\nenabled = true\nlogpath = /1\nmaxretry = 1\nfindtime = 1\nbantime = 1\nusedns = no\n',
    'jail.d/b.conf': '[web]\nmaxretry = 3\n',
    'jail.d/a.conf': '[web]\nmaxretry = 2\nfindtime = 2\nbantime = 2\nusedns = raw\n',
    'jail.local': '[web]\nfindtime = 4\nbantime = 4\n',
    'jail.d/z.local': '[web]\nbantime = 5\n',
  });
  assert.deepEqual([jail.usedns, jail.maxretry, jail.findtime, jail.bantime], ['raw', 3, 4, 5]);
});

test('includes: before, then the file, then after, each with its .local; loops are cut, missing ones ignored', () => {
  const { options } = loadFilter(
    treeOf({
      'filter.d/a.conf':
        '[INCLUDES]\nbefore = b.conf\n  no-such.conf\nafter = c.conf\n[Definition]\nfailregex = %(x)s%(y)s%(z)s',
      'filter.d/b.conf': '[INCLUDES]\nbefore = a.conf\n[DEFAULT]\nx = b\ny = b\nz = b\n',
      'filter.d/b.local': '[DEFAULT]\ny = b-local\n',
      'filter.d/c.conf': '[DEFAULT]\nz = c\n',
    }),
    'a',
  );
  assert.equal(options.get('failregex'), 'bb-localc');
});

test('bytes that are no UTF-8 are warned of, with their line', () => {
  const config = load({ ...on(''), 'jail.local': '[web]\n# a\n# \ufffd\n' });
  assert.deepEqual(told(config), ['t:jail.local:3: bytes that are no UTF-8 are read as U+FFFD']);
});
