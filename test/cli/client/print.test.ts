import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PyValue, tuple } from '../../../src/base/pickle.ts';
import { printAnswer, printFault, pythonRepr } from '../../../src/cli/client/print.ts';

const DOOR: PyValue = [
  tuple('Filter', [tuple('Currently failed', 1), tuple('File list', ['/a', '/b'])]),
  tuple('Actions', [tuple('Banned IP list', ['192.0.2.1'])]),
];
const TREE = `|- Filter
|  |- Currently failed:\t1
|  \`- File list:\t/a /b
\`- Actions
   \`- Banned IP list:\t192.0.2.1`;

test('answers have the form of fail2ban-client', () => {
  const table: readonly (readonly [words: string, value: PyValue, text: string])[] = [
    ['ping', 'pong', 'Server replied: pong'],
    ['echo a b', ['a', 'b'], 'a b'],
    ['stop', null, 'Shutdown successful'],
    ['stop door', null, 'Jail stopped'],
    ['start door', null, 'Jail started'],
    ['add door', 'door', 'Added jail door'],
    ['flushlogs', 'rolled over', 'logs: rolled over'],
    ['banned', [new Map([['door', ['192.0.2.1']]])], "[{'door': ['192.0.2.1']}]"],
    ['status door', DOOR, `Status for the jail: door\n${TREE}`],
    [
      'status --all',
      [tuple('Number of jail', 1), tuple('Jail list', 'door'), new Map([['door', DOOR]])],
      `Status\n|- Number of jail:\t1\n\`- Jail list:\tdoor\nStatus for the jail: door\n${TREE}`,
    ],
    [
      'stats',
      new Map([['door', ['polling', tuple(1, 2), tuple(3, 40)]]]),
      `Jail | Backend | Failed | Total | Banned | Total\ndoor | polling |      1 |     2 |      3 |    40`,
    ],
    ['get loglevel', 'INFO', "Current logging level is 'INFO'"],
    ['set logtarget /x', '/x', 'Current logging target is:\n`- /x'],
    ['get dbpurgeage', 86400, 'Current database purge age is:\n`- 86400seconds'],
    ['get door bantime', 600, '600'],
    ['get door ignoreself', true, 'True'],
    ['get door ignorecache', null, 'None'],
    ['set door addlogpath /b', ['/a', '/b'], 'Current monitored log file(s):\n|- /a\n`- /b'],
    ['get door logpath', [], 'No file is currently monitored'],
    ['get door failregex', ['a', 'b'], 'The following regular expression are defined:\n|- [0]: a\n`- [1]: b'],
    ['get door ignoreregex', [], 'No regular expression is defined'],
    ['get door ignoreip', [], 'No IP address/network is ignored'],
    ['get door journalmatch', [['A=b', 'C=d'], ['E=f']], 'Current match filter:\nA=b C=d + E=f'],
    ['get door datepattern', tuple('%Y', 'Year'), 'Current date pattern set to: %Y (Year)'],
    [
      'get door datepattern',
      tuple(null, 'Default Detectors'),
      'Current date pattern set to: Default Detectors',
    ],
    ['get door actions', ['a', 'b'], 'The jail door has the following actions:\na, b'],
    ['get door actionmethods a', ['ban'], 'The jail door action a has the following methods:\nban'],
    ['get door banip', ['1', '2'], '1 2'],
    ['get door banip ,', ['1', '2'], '1,2'],
    ['get door banip --with-time', ['1', '2'], '1\n2'],
    ['set door banip 1', 1, '1'],
  ];
  for (const [words, value, text] of table) assert.equal(printAnswer(words.split(' '), value), text, words);
});

test('refusals have the sentences that programs look for', () => {
  const table: readonly (readonly [name: string, args: readonly PyValue[], text: string])[] = [
    ['fail2ban.exceptions.UnknownJailException', ['x'], "Sorry but the jail 'x' does not exist"],
    ['fail2ban.exceptions.DuplicateJailException', ['x'], "The jail 'x' already exists"],
    ['builtins.IndexError', ['?'], 'Sorry but the command is invalid'],
    [
      'builtins.FileNotFoundError',
      [2, 'No such file or directory', '/x'],
      "[Errno 2] No such file or directory: '/x'",
    ],
    ['builtins.KeyError', ['x'], "'x'"],
    ['builtins.Exception', ['Invalid command'], 'Invalid command'],
  ];
  for (const [fault, args, text] of table) assert.equal(printFault({ fault, args }), text);
});

test('values are written as Python writes them', () => {
  assert.equal(
    pythonRepr(["it's", 'a"b\'c', 'x\n', true, null, tuple(1), 1.5]),
    `["it's", 'a"b\\'c', 'x\\n', True, None, (1,), 1.5]`,
  );
});
