import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError, codeOf, formatProblem, problem, reasonOf } from '../../src/base/errors.ts';

test('formatProblem() begins with file, line and key as far as they are known', () => {
  const place = { file: 'jail.d/sshd.conf', line: 7 };
  const text = 'cannot read "10 mins" as a duration';
  assert.equal(formatProblem(problem(text)), text);
  assert.equal(
    formatProblem(problem(text, { place, key: 'bantime' })),
    `jail.d/sshd.conf:7: bantime: ${text}`,
  );
  assert.equal(formatProblem(problem(text, { place: { ...place, line: 0 } })), `jail.d/sshd.conf: ${text}`);
});

test('a ConfigError tells every problem', () => {
  assert.equal(new ConfigError([problem('one'), problem('two')]).message, 'one\ntwo');
});

test('reasonOf() and codeOf() read whatever was thrown', () => {
  assert.deepEqual([reasonOf(new Error('why')), reasonOf('text'), codeOf('text')], ['why', 'text', '']);
  try {
    readFileSync('/nowhere/at/all');
    assert.fail();
  } catch (error) {
    assert.equal(codeOf(error), 'ENOENT');
  }
});
