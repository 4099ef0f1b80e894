import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { FILTER, load, on, onlyJail, told, treeOf } from './loading.ts';

test('%(known/x)s adds to what the files before said, over several files, also in [DEFAULT]', () => {
  const jail = onlyJail({
    'filter.d/web.conf': FILTER,
    'jail.conf': '[DEFAULT]\nignoreip = 192.0.2.1\n[web]\nenabled = true\nlogpath = /a\n',
    'jail.local':
      '[DEFAULT]\nignoreip = %(known/ignoreip)s 192.0.2.2\n[web]\nlogpath = %(known/logpath)s\n  /b\n',
    'jail.d/z.local':
      '[DEFAULT]\nignoreip = %(known/ignoreip)s 192.0.2.3\n[web]\nlogpath = %(known/logpath)s\n  /c\n',
  });
  assert.deepEqual(
    jail.ignore.networks.map((one) => one.address),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  );
  assert.deepEqual(
    jail.logpath.map((one) => one.glob),
    ['/a', '/b', '/c'],
  );
});

test('values that contain themselves, in every way, are refused and end', () => {
  const doubling = Array.from({ length: 60 }, (_, i) => `a${i + 1} = %(a${i})s%(a${i})s\n`).join('');
  const tags = Array.from({ length: 60 }, (_, i) => `b${i + 1} = <b${i}><b${i}>\n`).join('');
  const cases: [string, string][] = [
    ['%(x)s', 'x = %(y)s\ny = %(x)s\n'],
    ['%(a60)s', `a0 = x\n${doubling}`],
    ['%(a60)s', `a0 =\n${doubling}`],
    ['<x>', 'x = <y>\ny = <x>\n'],
    ['<x>', 'x = a<y><y>\ny = b<x><x>\n'],
    ['<b60>', `b0 = x\n${tags}`],
  ];
  for (const [failregex, rest] of cases) {
    const { filter, problems } = loadFilter(
      treeOf({ 'filter.d/f.conf': `[Definition]\nfailregex = ${failregex}\n${rest}` }),
      'f',
    );
    assert.equal(filter, null, `${failregex} ${rest.slice(0, 40)}`);
    assert.match(problems.map(formatProblem).join(), /contains itself|grows beyond/);
  }
});

test('%(section/x)s is another section, %(default/x)s is [DEFAULT], %% is a percent sign', () => {
  const jail = onlyJail({
    'filter.d/web.conf': FILTER,
    'jail.conf':
      '[DEFAULT]\nfindtime = 7\n[other]\nmaxretry = 9\n[web]\nenabled = true\nlogpath = /%%/%(__name__)s\nmaxretry = %(other/maxretry)s\nfindtime = %(default/findtime)s\n',
  });
  assert.deepEqual([jail.maxretry, jail.findtime, jail.logpath[0]?.glob], [9, 7, '/%/web']);
});

test('a name that is not there is told with the one that may be meant, and a lone percent sign', () => {
  assert.deepEqual(
    told(load(on('my_path = /x\nlogpath = %(my_paths)s\nfindtime = 5%\nbantime = %(my_path)s\n'))),
    [
      't:jail.d/web.conf:5: findtime: cannot read "%" (write %% for a percent sign)',
      't:jail.d/web.conf:4: logpath: cannot find "%(my_paths)s" (did you mean "my_path"?)',
      't:jail.d/web.conf:3: bantime: cannot read "/x" as a duration (write 600, 10m, 1h 30m, or -1 for ever)',
    ],
  );
});
