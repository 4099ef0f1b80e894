import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { load, on, told, treeOf } from './loading.ts';

test('variables of a jail that something refers to are no unknown options', () => {
  const config = load(on('my_log = /x\nlogpath = %(my_log)s\nother = 1\n'));
  assert.deepEqual(told(config), ['t:jail.d/web.conf:5: other: no such option; it has no effect']);
});

test('one mistake that several options meet is told once', () => {
  assert.deepEqual(told(load(on('maxretry = %(maxretries)s\n'))), [
    't:jail.d/web.conf:4: maxretry: cannot find "%(maxretries)s" (did you mean "maxretry"?)',
  ]);
});

test('a name that firewalls and files cannot hold is refused', () => {
  const named = (name: string): string[] =>
    told(load({ 'jail.conf': `[${name}]\nenabled = true\nfilter =\n` })).slice(0, 1);
  assert.match(named('a/b').join(), /cannot use "a\/b" as a jail's name: it holds a slash/);
  assert.match(named('-a').join(), /it begins with "-"/);
  assert.match(named('a'.repeat(26)).join(), /has 26 characters; firewalls show at most 25/);
});

test('a jail of auto without a log file is one of systemd, if it says what to read there', () => {
  const filter = '[Definition]\nfailregex = ^<HOST> <logtype>$\njournalmatch = _COMM=x\n';
  const read = (rest: string, match = filter, hasNone = true) => {
    const tree = treeOf({ ...on(rest), 'filter.d/web.conf': match });
    const config = loadConfig(tree, { usesJournal: () => hasNone });
    return { jail: config.jails[0], told: told(config) };
  };
  const { jail, told: warned } = read('');
  assert.deepEqual([jail?.backend, jail?.filter.failregex[0]?.text], ['systemd', '^<HOST> journal$']);
  const hint = 'a log file that is made later is read after a reload';
  assert.deepEqual(warned, [
    `t:jail.d/web.conf:3: logpath: no such file exists: the journal is read instead (${hint})`,
  ]);
  const backends = [
    read('backend = polling\n'),
    read('systemd_if_nologs = false\n'),
    read('', '[Definition]\nfailregex = ^<HOST> x$\n'),
    read('', filter, false),
  ].map((one) => one.jail?.backend);
  assert.deepEqual(backends, ['polling', 'auto', 'auto', 'auto']);
});
