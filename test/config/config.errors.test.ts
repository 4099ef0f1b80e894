import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import { dumpConfig } from '../../src/config/dump.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { readCases, sayConfig, treeOfCase } from './brokencases.ts';
import { makeRandom } from './random.ts';

const file = join(import.meta.dirname, '../script/broken-configurations.txt');
const cases = readCases(readFileSync(file, 'utf8'));

test('there are at least 40 broken configurations, each with a name of its own', () => {
  assert.ok(cases.length >= 40, `${cases.length}`);
  assert.equal(new Set(cases.map((one) => one.name)).size, cases.length);
});

for (const one of cases) {
  test(`broken: ${one.name}`, () => {
    assert.equal(sayConfig(loadConfig(treeOfCase(one))), one.expected);
  });
}

test('law: no garbage makes the reader throw, and every problem of a file has its line', () => {
  const random = makeRandom(5);
  const pieces = [
    '[',
    ']',
    '[x]\n',
    '[DEFAULT]\n',
    'enabled = true\n',
    '=',
    ':',
    '\n',
    '\n  ',
    '%(',
    ')s',
    '%(x)s',
    '%',
    '<',
  ];
  pieces.push(
    '>',
    '<a>',
    'action = ',
    'filter = x',
    'before = jail.conf',
    '[INCLUDES]\n',
    '"',
    "'",
    '\0',
    '\ufffd',
    '\u2028',
  );
  pieces.push(
    'known/',
    'ignoreip = ',
    'port = ',
    'bantime = ',
    '\r',
    ';',
    '#',
    '1h',
    '-1',
    '::',
    ',',
    '../',
    '/',
    '\\',
    'é',
  );
  const garbage = (): string => Array.from({ length: random(40) }, () => random.pick(pieces)).join('');
  for (let round = 0; round < 1500; round++) {
    const head = '[x]\nenabled = true\n';
    const files = new Map(
      ['jail.conf', 'jail.local', 'filter.d/x.conf', 'action.d/x.conf', 'fail2ban.conf'].map((path) => [
        path,
        path === 'jail.conf' ? head + garbage() : garbage(),
      ]),
    );
    const config = loadConfig(memoryTree(files, 'm'), { force: true });
    dumpConfig(config);
    for (const one of config.problems) {
      const isPlaced = one.place !== null && (one.place.line > 0 || one.place.file === 'm');
      assert.ok(isPlaced, `${formatProblem(one)}\n${JSON.stringify([...files])}`);
    }
  }
});
