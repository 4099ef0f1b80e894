import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, on, told } from './loading.ts';

test('settings of fail2ban.conf', () => {
  const { settings, problems } = load({
    'fail2ban.conf':
      '[DEFAULT]\n[Definition]\nloglevel = info\nlogtarget = SYSLOG[facility=auth]\ndbpurgeage = 648000\nallowipv6 = no\nsocket = /s\n',
    'fail2ban.local': '[Definition]\nloglevel = DEBUG\n',
    ...on(''),
  });
  assert.deepEqual(problems, []);
  assert.equal(settings.loglevel, 'DEBUG');
  assert.equal(settings.logtarget, 'SYSLOG');
  assert.equal(settings.dbpurgeage, 648000);
  assert.equal(load(on('')).settings.logtarget, null);
});

const settingsOf = (text: string) => load({ ...on(''), 'fail2ban.conf': `[Definition]\n${text}` }).settings;

test('what has no effect is noted once each, where it is not what fail2ban sets anyway', () => {
  assert.deepEqual(
    settingsOf('allowipv6 = no\ndbmaxmatches = 3\nsyslogsocket = /s\nsocket = /x\npidfile = /p\n').notes,
    [
      'syslogsocket has no effect: log lines go to a file or to standard error',
      'allowipv6 has no effect: IPv6 is always understood',
      'dbmaxmatches has no effect: the maxmatches of a jail counts',
    ],
  );
  assert.deepEqual(settingsOf('allowipv6 = auto\ndbmaxmatches = 10\nsyslogsocket = auto\n').notes, []);
  assert.deepEqual(settingsOf('logtarget = SYSLOG[facility=auth]\n').notes, [
    'the options behind logtarget have no effect',
  ]);
});

test('a setting that cannot be read is told, and its default holds', () => {
  const config = load({
    ...on(''),
    'fail2ban.conf': '[Definition]\ndbpurgeage = old\nloglevel = debug\ndbmaxmatches = x\n',
  });
  assert.deepEqual(told(config), [
    't:fail2ban.conf:2: dbpurgeage: cannot read "old" as a duration (write 600, 10m or 1h 30m)',
    't:fail2ban.conf:4: dbmaxmatches: cannot read "x" as a whole number',
  ]);
  assert.deepEqual([config.settings.dbpurgeage, config.settings.loglevel], [86400, 'DEBUG']);
});

test('fail2ban levels below DEBUG are DEBUG', () => {
  assert.equal(settingsOf('loglevel = HEAVYDEBUG\n').loglevel, 'DEBUG');
});
