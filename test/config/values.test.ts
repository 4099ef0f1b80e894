import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as values from '../../src/config/values.ts';
import { load, on, onlyJail, reading, told } from './loading.ts';

test('the backend takes options in brackets; what watches by kernel events is auto', () => {
  const jail = onlyJail(
    on('backend = systemd[journalpath="/var/log/journal/x", journalflags=1]\njournalmatch = _A=b + _C=d\n'),
  );
  assert.equal(jail.backend, 'systemd');
  assert.deepEqual(Object.fromEntries(jail.backendOptions), {
    journalpath: '/var/log/journal/x',
    journalflags: '1',
  });
  assert.deepEqual(jail.filter.journalmatch, ['_A=b + _C=d']);
  assert.equal(onlyJail(on('backend = pyinotify\n')).backend, 'auto');
});

test('ignoreip takes addresses, networks, masks, names and files between commas, blanks and lines', () => {
  const { ignore } = onlyJail(
    on(
      'ignoreip = 127.0.0.1/8 ::1,192.0.2.0/255.255.255.0\n  Example.ORG, file:/etc/f2b/allow fe80::/10 [2001:db8::1]\n',
    ),
  );
  assert.deepEqual(
    ignore.networks.map(({ address, prefix }) => `${address}/${prefix}`),
    ['127.0.0.0/8', '::1/128', '192.0.2.0/24', 'fe80::/10', '2001:db8::1/128'],
  );
  assert.deepEqual(ignore.names, ['example.org']);
  assert.deepEqual(ignore.files, ['/etc/f2b/allow']);
});

test('logpath: a glob a line, head or tail behind it, blanks in a path', () => {
  const { logpath } = onlyJail(on('logpath = /a/*.log tail\n  /b head\n  /c d\n'));
  assert.deepEqual(logpath, [
    { glob: '/a/*.log', start: 'tail' },
    { glob: '/b', start: 'head' },
    { glob: '/c d', start: 'catchup' },
  ]);
});

test('bantime -1 is for ever, and escalation is read whole', () => {
  const jail = onlyJail(
    on(
      'bantime = -1\nbantime.increment = true\nbantime.factor = 2\nbantime.multipliers = 1 2 4,8\nbantime.maxtime = 5w\nbantime.rndtime = 2m\nbantime.overalljails = yes\nbantime.formula = ban.Time * (1<<ban.Count)\n',
    ),
  );
  assert.equal(jail.bantime, null);
  assert.deepEqual(jail.increment, {
    enabled: true,
    factor: 2,
    formula: { ...jail.increment.formula, text: 'ban.Time * (1<<ban.Count)' },
    multipliers: [1, 2, 4, 8],
    maxtime: 5 * 604800,
    rndtime: 120,
    overalljails: true,
  });
});

test('ignorecache is read as key, max-count and max-time, each with its default', () => {
  assert.deepEqual(reading(values.readCacheRule, 'key="<F-USER>@<ip-host>", max-count=10, max-time=1h'), {
    key: '<F-USER>@<ip-host>',
    maxCount: 10,
    maxTime: 3600,
  });
  assert.deepEqual(reading(values.readCacheRule, 'max-count=7'), { key: '<ip>', maxCount: 7, maxTime: 300 });
  assert.equal(reading(values.readCacheRule, ' '), null);
});

test('every mistake in ignorecache is told at its line', () => {
  assert.deepEqual(told(load(on('ignorecommand = false\nignorecache = max-count=ten, max-tme=5m\n'))), [
    't:jail.d/web.conf:5: ignorecache: max-count: cannot read "ten" as a whole number',
    't:jail.d/web.conf:5: ignorecache: no such option: "max-tme" (did you mean "max-time"?)',
  ]);
});

test('ignorecache refuses empty values, a key without a tag, and a quote that is not closed', () => {
  const refused = (text: string): string => String(reading(values.readCacheRule, text));
  assert.match(refused('max-time='), /max-time: cannot read "" as a duration/);
  assert.match(refused('max-count=0'), /max-count: cannot use 0: expected 1 or more/);
  assert.match(refused('key='), /key: cannot use ""/);
  assert.match(refused('key=ip'), /key: cannot use "ip" \(write "<ip>", or other tags\)/);
  assert.match(refused('key="<ip>, max-count=5'), /^f:1: key: cannot read "key=.* as option=value/);
});

test('options of the journal that cannot serve are refused, all in one go, and unknown ones warned of', () => {
  assert.deepEqual(told(load(on('backend = systemd[journalflags=local, journalpath=, journalfile=/x]\n'))), [
    't:jail.d/web.conf:4: backend: the option "journalfile" has no effect with systemd (did you mean "journalfiles"?)',
    't:jail.d/web.conf:4: backend: cannot use "local" as journalflags (write a number: 1 local, 2 runtime, 4 system, 8 user, or a sum of them)',
    't:jail.d/web.conf:4: backend: cannot use "" as journalpath (write the path of a folder)',
  ]);
});

test('checkJournalMatch() takes matches, + between them and paths, and nothing else', () => {
  const check = (text: string) => reading(values.checkJournalMatch, text);
  for (const text of ['_SYSTEMD_UNIT=sshd.service + _COMM=sshd', 'MESSAGE="a b"', '/usr/sbin/sshd', ''])
    assert.equal(check(text), undefined, text);
  assert.match(String(check('_SYSTEMD_UNIT="sshd')), /a quote is not closed/);
  assert.match(String(check('_A=b +')), /cannot read "\+" as a match/);
  assert.match(String(check('unit=sshd')), /cannot read "unit=sshd" as a match/);
});

test('a logpath whose last word is nearly tail or head is warned of', () => {
  assert.deepEqual(reading(values.readLogPath, '/var/log/x tial'), [
    'f:1: key: "/var/log/x tial" is read as one path (did you mean "tail"?)',
  ]);
});

test('all addresses of ignoreip that cannot be read are told, each at its line', () => {
  assert.deepEqual(
    told(load(on('ignoreip = 1.2.3\n  ::1\n  192.0.2.0/33\n'))).map((one) => one.slice(0, 62)),
    [
      't:jail.d/web.conf:4: ignoreip: cannot read "1.2.3" as an addre',
      't:jail.d/web.conf:6: ignoreip: cannot read "192.0.2.0/33" as a',
    ],
  );
});

test('times: seconds, units, never 0; only bantime may be for ever', () => {
  assert.equal(reading(values.readDuration, '1h 30m'), 5400);
  assert.equal(reading(values.readBantime, '-1'), null);
  assert.match(String(reading(values.readDuration, '-1')), /expected more than 0 seconds/);
  assert.match(String(reading(values.readBantime, '0')), /expected more than 0 seconds/);
  assert.deepEqual([reading(values.readRandomTime, '0s'), reading(values.readMaxTime, '')], [0, null]);
});

test('switches, words and numbers', () => {
  assert.deepEqual(
    ['yes', 'ON', 'off', ''].map((text) => reading(values.readBoolean, text)),
    [true, true, false, false],
  );
  assert.equal(reading(values.readUseDns, 'true'), 'yes');
  assert.equal(reading(values.readPrefix, '/56'), 56);
  assert.match(String(reading(values.readPrefix, '129')), /as a prefix of 32 to 128/);
  assert.match(String(reading(values.readNumber, '0')), /as a number above 0/);
  assert.deepEqual(reading(values.readMultipliers, '1 2\n4,x,-1'), [
    'f:1: key: cannot read "x" as a number above 0',
    'f:1: key: cannot read "-1" as a number above 0',
  ]);
});

test('encodings and time zones by their usual names', () => {
  assert.equal(reading(values.readEncoding, 'Latin_1'), 'iso-8859-1');
  assert.match(String(reading(values.readEncoding, 'utf-9')), /did you mean "utf-8"/);
  assert.equal(reading(values.readTimeZone, 'Europe/Berlin'), 'Europe/Berlin');
  for (const zone of ['UTC', 'gmt', 'Z', 'UTC+0200', 'GMT-01:00', '-03:30', '+02'])
    assert.equal(reading(values.readTimeZone, zone), zone);
  // fail2ban reads hours of two digits only.
  for (const zone of ['UTC+25', 'UTC+2', '-3:30', 'UTC+23:00', 'Europe/Atlantis', ' '])
    assert.match(String(reading(values.readTimeZone, zone)), /as a time zone/);
});
