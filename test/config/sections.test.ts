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

test('an include that does not exist is a warning by itself, once, at its own line', () => {
  const files = {
    'jail.conf': '[INCLUDES]\nbefore = one.conf\n  two.conf two.local\n[DEFAULT]\n',
    'filter.d/web.conf': `[INCLUDES]\nbefore = there.conf\nafter = none.conf\n  own.local\n${FILTER}`,
    'filter.d/there.local': '[DEFAULT]\n',
    'jail.d/web.conf':
      '[web]\nenabled = true\nlogpath = /l\n[web2]\nenabled = true\nfilter = web\nlogpath = /l\n',
  };
  assert.deepEqual(told(load(files)), [
    't:jail.conf:2: before: cannot find "one.conf": no file t:one.conf',
    't:jail.conf:3: before: cannot find "two.conf two.local": no file t:two.conf two.local (write each file on a line of its own)',
    't:filter.d/web.conf:3: after: cannot find "none.conf": no file t:filter.d/none.conf',
  ]);
});
