import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../../src/base/errors.ts';
import { type PyValue, tuple } from '../../../src/base/pickle.ts';
import { Refused } from '../../../src/daemon/control/host.ts';
import { answerSet, textOf } from '../../../src/daemon/control/setjail.ts';
import { aHost } from './ahost.ts';

test('set changes a value of the running jail and answers it', async () => {
  const { host, done } = aHost();
  const table: readonly (readonly [words: string, value: PyValue])[] = [
    ['bantime 1h', 3600],
    ['bantime -1', -1],
    ['findtime 90', 90],
    ['maxretry 7', 7],
    ['maxmatches 2', 2],
    ['maxlines 3', 3],
    ['usedns no', 'no'],
    ['ignoreself false', false],
    ['ignorecache key="<ip>",max-count=5,max-time=1m', ['<ip>', 5, 60]],
    ['bantime.increment true', true],
    ['bantime.factor 2', 2],
    ['datepattern %Y', tuple('%Y', 'Year')],
    ['addignoreip 192.0.2.0/24 ::1', ['127.0.0.0/8', '192.0.2.0/24', '::1']],
    ['addignoreip ::1', ['127.0.0.0/8', '192.0.2.0/24', '::1']],
    ['delignoreip 192.0.2.0/24', ['127.0.0.0/8', '::1']],
    ['addignoreregex ^quiet$', ['^quiet$']],
    ['delignoreregex 0', []],
    ['delfailregex 9', ['^knock from <HOST>$']],
    ['addjournalmatch _A=b', []],
    ['idle on', true],
    ['attempt 192.0.2.9 one', 1],
    ['banip 192.0.2.9 2001:db8::1', 2],
    ['unbanip 192.0.2.9', 1],
    ['unbanip --report-absent 192.0.2.7', 1],
  ];
  for (const [words, value] of table)
    assert.deepEqual(await answerSet(host, 'door', words.split(' ')), value, words);
  assert.deepEqual([...host.idle], ['door']);
  assert.deepEqual(await answerSet(host, 'door', ['addfailregex', '^two <HOST>$']), [
    '^knock from <HOST>$',
    '^two <HOST>$',
  ]);
  assert.deepEqual(await answerSet(host, 'post', ['addjournalmatch', '_G=h', '_I=j']), [
    ['_A=b', '_C=d'],
    ['_E=f'],
    ['_G=h', '_I=j'],
  ]);
  assert.equal(host.jails.get('door')?.limits.maxretry, 7);
  assert.deepEqual(done.slice(0, 2), ['attempt door 192.0.2.9 one', 'ban door 192.0.2.9']);
});

test('set refuses mistakes, and changes nothing', async () => {
  const { host } = aHost();
  const before = host.jails.get('door');
  const refused = [
    '',
    'bantime',
    'nosuch 1',
    'constructor 1',
    'idle maybe',
    'banip',
    'banip x',
    'delignoreip 192.0.2.1',
  ];
  for (const words of [...refused, 'addlogpath /nonexistent/x', 'addlogpath a b c', 'addlogpath a nonsense'])
    await assert.rejects(answerSet(host, 'door', words === '' ? [] : words.split(' ')), Refused, words);
  for (const words of [
    'bantime x',
    'maxretry 0',
    'usedns maybe',
    'addfailregex x(',
    'addfailregex x',
    'addignoreip 1.2.3.4/99',
  ])
    await assert.rejects(answerSet(host, 'door', words.split(' ')), ConfigError, words);
  assert.equal(host.jails.get('door'), before);
});

test('no command can be set at run time', async () => {
  const { host } = aHost();
  for (const words of [
    'action note actionban rm',
    'addaction x',
    'delaction note',
    'ignorecommand /bin/true',
    'action note timeout 5',
  ])
    await assert.rejects(
      answerSet(host, 'door', words.split(' ')),
      (error) => error instanceof Refused && /never at run time/.test(error.message),
    );
});

test('unbanip --report-absent names those that are not banned', async () => {
  const { host } = aHost();
  host.unban = () => 0;
  await assert.rejects(
    answerSet(host, 'door', ['unbanip', '--report-absent', '192.0.2.99']),
    (error) => error instanceof Refused && error.message === "not banned: ['192.0.2.99']",
  );
});

test('what is wrong with a value is told without a place', async () => {
  const { host } = aHost();
  const error = await answerSet(host, 'door', ['bantime', 'x']).catch((reason) => reason);
  assert.equal(error instanceof ConfigError && textOf(error), 'cannot read "x" as a duration');
});
