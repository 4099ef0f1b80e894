import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoredBy } from '../../src/ban/ignore.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { compileJails, refreshOwnAddresses } from '../../src/daemon/jails.ts';

function compile(jails: Readonly<Record<string, string>>) {
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    ['filter.d/twice.conf', '[Definition]\nfailregex = ^<F-USER>a</F-USER>(b <HOST>$\n'],
  ]);
  for (const [name, options] of Object.entries(jails))
    files.set(
      `jail.d/${name}.conf`,
      `[${name}]\nenabled = true\nlogpath = /nothing\nbanaction = dummy\n${options}\n`,
    );
  return compileJails(loadConfig(memoryTree(files)).jails);
}

test('a broken jail is left out with its problems, and the others work', () => {
  const { jails, problems } = compile({ good: 'filter = app', bad: 'filter = twice' });
  assert.deepEqual([...jails.keys()], ['good']);
  assert.ok(problems.some(({ jail, severity }) => jail === 'bad' && severity === 'error'));
});

test('matched lines are kept only where an action prints them', () => {
  const quiet = compile({ a: 'filter = app\nmaxmatches = 7' }).jails.get('a');
  assert.equal(quiet?.limits.maxmatches, 0);
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    ['action.d/mail.conf', '[Definition]\nactionban = echo "<matches>"\n'],
    ['jail.d/a.conf', '[a]\nenabled = true\nfilter = app\nlogpath = /x\naction = mail\nmaxmatches = 7\n'],
  ]);
  const mailing = compileJails(loadConfig(memoryTree(files)).jails).jails.get('a');
  assert.equal(mailing?.limits.maxmatches, 7);
});

test("a jail ignores this machine's own addresses unless it says otherwise, also after they were read anew", () => {
  const running = compile({ a: 'filter = app', b: 'filter = app\nignoreself = no' });
  const [a, b] = [running.jails.get('a'), running.jails.get('b')];
  assert.ok(a !== undefined && b !== undefined);
  for (let round = 0; round < 2; round++) {
    assert.equal(ignoredBy(a.ignore, '127.0.0.1'), 'ignoreself rule');
    assert.equal(ignoredBy(b.ignore, '127.0.0.1'), null);
    refreshOwnAddresses(running);
  }
});

test('a list of ignoreip that cannot be read is a warning, and the jail works', () => {
  const { jails, problems } = compile({ a: 'filter = app\nignoreip = file:/nowhere/list' });
  assert.equal(jails.size, 1);
  const [first] = problems;
  assert.deepEqual([first?.severity, first?.jail, first?.key], ['warning', 'a', 'ignoreip']);
});
