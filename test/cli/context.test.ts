import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, UsageError } from '../../src/base/errors.ts';
import { findJail, statePathOf } from '../../src/cli/context.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';

const CONFIG = loadConfig(
  memoryTree(
    new Map([
      [
        'jail.conf',
        '[web]\nenabled = true\nfilter =\n[off]\nfilter =\n[bad]\nenabled = true\nfilter =\nmaxretry = x\n',
      ],
    ]),
  ),
);

test('findJail() answers an enabled jail', () => {
  assert.equal(findJail(CONFIG, 'web').name, 'web');
});

test('findJail() says why a jail is none to work with', () => {
  assert.throws(
    () => findJail(CONFIG, 'wbe'),
    (error) => error instanceof UsageError && error.hint === 'did you mean "web"?',
  );
  assert.throws(() => findJail(CONFIG, 'off'), /the jail "off" is not enabled/);
  assert.throws(() => findJail(CONFIG, 'bad'), ConfigError);
});

test('statePathOf() is --state, $F2B_STATE or the default, in this order', () => {
  const pathOf = (state: string | null, env: Readonly<Record<string, string>>) =>
    statePathOf(
      { config: null, state, log: null, dryRun: false, json: false, rawOutput: false },
      { stdout: () => undefined, stderr: () => undefined, stdin: process.stdin, env, now: () => 0 },
    );
  assert.equal(pathOf('/a', { F2B_STATE: '/b' }), '/a');
  assert.equal(pathOf(null, { F2B_STATE: '/b' }), '/b');
  assert.equal(pathOf(null, { F2B_STATE: '' }), '/var/lib/f2b/state.json');
});
