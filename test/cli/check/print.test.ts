import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problem } from '../../../src/base/errors.ts';
import type { JailLine, Report } from '../../../src/cli/check/examine.ts';
import { printReport } from '../../../src/cli/check/print.ts';

const SSHD: JailLine = {
  name: 'sshd',
  isEnabled: true,
  filter: 'sshd',
  failregexes: 8,
  maxretry: 5,
  findtime: 600,
  bantime: 3600,
  sources: ['journal'],
  firewalls: ['nftables'],
  commands: [],
};

const printed = (more: Partial<Report>): readonly string[] =>
  printReport({
    tree: '/etc/f2b',
    enabled: 1,
    disabled: 2,
    jails: [],
    problems: [],
    notes: [],
    ...more,
  }).split('\n');

test('a jail has a line that says filter, logs and what is done', () => {
  const line = (more: Partial<JailLine>): string | undefined => printed({ jails: [{ ...SSHD, ...more }] })[1];
  assert.equal(line({}), '  sshd  sshd (8) on journal -> nftables');
  assert.equal(
    line({ commands: ['mail', 'note'] }),
    '  sshd  sshd (8) on journal -> nftables, mail (commands), note (commands)',
  );
  assert.equal(line({ sources: [] }), '  sshd  sshd (8) on no log yet -> nftables');
  assert.equal(line({ filter: '', failregexes: 0, firewalls: [] }), '  sshd  no filter -> nothing');
  assert.equal(line({ isEnabled: false }), '  sshd  sshd (8) on journal -> nftables [disabled]');
});

test('a second line says how many failures lead to a ban, and for how long', () => {
  const line = (more: Partial<JailLine>) => printed({ jails: [{ ...SSHD, ...more }] })[2];
  assert.equal(line({}), '        maxretry 5, findtime 10m, bantime 1h');
  assert.equal(line({ bantime: null }), '        maxretry 5, findtime 10m, bantime -1 (for ever)');
});

test('a configuration that protects nothing is not called OK', () => {
  const lines = printed({ enabled: 0 });
  assert.equal(lines[1], 'warning: no jail is enabled');
  assert.match(lines[2] ?? '', /into \/etc\/f2b\/jail\.local$/);
  assert.equal(lines[3], 'No errors, but nothing is protected');
});

test('of many logs three are named', () => {
  const line = (sources: readonly string[]): string => printed({ jails: [{ ...SSHD, sources }] })[1] ?? '';
  assert.match(line(['/a', '/b', '/c']), / on \/a, \/b, \/c ->/);
  assert.match(line(['/a', '/b', '/c', '/d', '/e']), / on \/a, \/b, \/c and 2 more ->/);
});

test('names are padded to the longest', () => {
  const lines = printed({ jails: [SSHD, { ...SSHD, name: 'recidive' }] });
  assert.deepEqual([lines[1]?.indexOf('sshd ('), lines[3]?.indexOf('sshd (')], [12, 12]);
});

test('errors come before warnings, these before notes, each with its jail, place and hint', () => {
  const place = { file: 'jail.d/a.conf', line: 3 };
  const problems = [
    problem('is odd', { severity: 'warning', jail: 'a', place, key: 'logpath', hint: 'one\ntwo' }),
    problem('is wrong', { place, key: 'bantime' }),
  ];
  assert.deepEqual(
    printed({
      problems,
      notes: [
        { jail: 'a', text: 'no matter' },
        { jail: null, text: 'none' },
      ],
    }),
    [
      '/etc/f2b: 1 jail enabled, 2 disabled',
      'error: jail.d/a.conf:3: bantime: is wrong',
      'warning: [a] jail.d/a.conf:3: logpath: is odd',
      '  one',
      '  two',
      'note: [a] no matter',
      'note: none',
      '1 error: the jails concerned are not started, the others are',
      '',
    ],
  );
});

test('warnings alone are no error', () => {
  const problems = [problem('is odd', { severity: 'warning' })];
  assert.equal(printed({ problems }).at(-2), 'OK: configuration test is successful');
  assert.equal(printed({ enabled: 0 })[0], '/etc/f2b: 0 jails enabled, 2 disabled');
});
