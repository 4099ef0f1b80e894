import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PyValue, tuple } from '../../../src/base/pickle.ts';
import { answerGet } from '../../../src/daemon/control/getjail.ts';
import { jailOf, Refused } from '../../../src/daemon/control/host.ts';
import { aHost } from './ahost.ts';

test('get answers what a jail works with', () => {
  const { host } = aHost();
  const table: readonly (readonly [words: string, value: PyValue])[] = [
    ['door bantime', 600],
    ['door maxretry', 3],
    ['door ignoreip', ['127.0.0.0/8']],
    ['door ignoreself', true],
    ['door ignorecommand', ''],
    ['door ignorecache', null],
    ['door failregex', ['^knock from <HOST>$']],
    ['door ignoreregex', []],
    ['door prefregex', ''],
    ['door datepattern', tuple('^%Y-%m-%d', '^Year-Month-Day')],
    ['post datepattern', tuple(null, 'Default Detectors')],
    ['door logencoding', 'UTF-8'],
    ['door journalmatch', []],
    ['post journalmatch', [['_A=b', '_C=d'], ['_E=f']]],
    ['door logpath', []],
    ['door bantime.increment', false],
    ['door bantime.factor', 1],
    ['door bantime.formula', null],
    ['door banned', ['192.0.2.7']],
    ['door banned 192.0.2.7', 1],
    ['door banned 192.0.2.7 192.0.2.8', [1, 0]],
    ['door banip', ['192.0.2.7']],
    ['door actions', ['note']],
    ['door action note actionban', 'echo <ip>'],
    ['door action note actionstart', ''],
    ['door action note timeout', 60],
  ];
  for (const [words, value] of table) {
    const [jail = '', ...rest] = words.split(' ');
    assert.deepEqual(answerGet(host, jailOf(host, jail), rest), value, words);
  }
  const [line] = answerGet(host, jailOf(host, 'door'), ['banip', '--with-time']) as readonly string[];
  assert.match(line ?? '', /^192\.0\.2\.7 \t\d{4}-\S+ \S+ \+ 600 = \d{4}-\S+ \S+$/);
});

test('get refuses what there is not', () => {
  const { host } = aHost();
  for (const words of [
    '',
    'nosuch',
    'constructor',
    'bantime.nosuch',
    'action',
    'action nosuch actionban',
    'action note x',
  ])
    assert.throws(
      () => answerGet(host, jailOf(host, 'door'), words === '' ? [] : words.split(' ')),
      Refused,
      words,
    );
});
