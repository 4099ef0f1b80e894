import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault, type PyValue, tuple } from '../../../src/base/pickle.ts';
import { answer } from '../../../src/daemon/control/interpreter.ts';
import { aHost } from './ahost.ts';

test('words of the program are answered with (0, value)', async () => {
  const { host, done } = aHost();
  const table: readonly (readonly [words: string, value: PyValue])[] = [
    ['ping', 'pong'],
    ['version', '1.1.1'],
    ['echo a b', ['a', 'b']],
    ['banned', [new Map([['door', ['192.0.2.7']]]), new Map([['post', []]])]],
    ['banned 192.0.2.7 192.0.2.8', [['door'], []]],
    ['get loglevel', 'DEBUG'],
    ['get logtarget', 'STDERR'],
    ['get dbfile', '/var/lib/f2b/state.json'],
    ['get dbmaxmatches', 7],
    ['set dbpurgeage 2d', 172800],
    ['get dbpurgeage', 172800],
    ['get syslogsocket', 'auto'],
    ['flushlogs', 'rolled over'],
    ['unban --all', 2],
    ['unban 192.0.2.7 192.0.2.8', 2],
    ['add more polling', 'more'],
    ['start door', null],
    ['stop post', null],
    ['stop', null],
    ['reload door', 'OK'],
  ];
  for (const [words, value] of table) {
    const request: PyValue = words === 'reload door' ? ['reload', 'door', [], []] : words.split(' ');
    assert.deepEqual(await answer(host, request), tuple(0, value), words);
  }
  assert.deepEqual([...host.jails.keys()], ['door']);
  assert.deepEqual(done, [
    'unban door null',
    'unban door 192.0.2.7,192.0.2.8',
    'add more polling',
    'stop',
    'reload door false',
  ]);
});

test('a refusal is (1, exception), with the name by which clients choose their sentence', async () => {
  const { host } = aHost();
  const table: readonly (readonly [words: string, name: string, text: string])[] = [
    ['nosuch', 'builtins.Exception', 'Invalid command'],
    ['constructor', 'builtins.Exception', 'Invalid command'],
    ['get', 'builtins.IndexError', 'list index out of range'],
    ['get door', 'builtins.IndexError', 'list index out of range'],
    ['status nosuch', 'fail2ban.exceptions.UnknownJailException', 'nosuch'],
    ['add door', 'fail2ban.exceptions.DuplicateJailException', 'door'],
    [
      'set dbfile /x',
      'builtins.Exception',
      'dbfile has no meaning here: everything is kept in /var/lib/f2b/state.json',
    ],
    ['set loglevel x', 'builtins.ValueError', "Invalid log level 'X'"],
    ['set logtarget x', 'builtins.Exception', 'Failed to change log target'],
    ['stop nosuch', 'fail2ban.exceptions.UnknownJailException', 'nosuch'],
    ['reload nosuch', 'fail2ban.exceptions.UnknownJailException', 'nosuch'],
  ];
  for (const [words, name, text] of table) {
    const { tuple: values } = await answer(host, words.split(' '));
    const [code, fault] = values;
    assert.equal(code, 1, words);
    assert.deepEqual(isFault(fault) && [fault.fault, fault.args[0]], [name, text], words);
  }
});

test('what is no list of words is refused', async () => {
  const { host } = aHost();
  for (const request of [null, 'ping', 7, [], [['ping']], ['get', null, 'x'], new Map()] as PyValue[])
    assert.equal((await answer(host, request)).tuple[0], 1);
});

test('reload without a stream of fail2ban answers what was done, and --if-exists forgives', async () => {
  const { host, done } = aHost();
  const { tuple: values } = await answer(host, ['reload', '--all', ['--unban']]);
  const [, report] = values;
  assert.deepEqual(report instanceof Map && report.get('changed'), ['door']);
  assert.deepEqual(await answer(host, ['reload', 'nosuch', ['--if-exists'], []]), tuple(0, 'OK'));
  assert.deepEqual(done, ['reload null true', 'reload nosuch false']);
});
