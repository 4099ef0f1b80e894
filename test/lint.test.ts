import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeMatch } from '../src/clock.ts';
import { compileFailregex } from '../src/failregex.ts';
import { findExplosion } from '../src/lint/explosion.ts';
import { lintFailregex } from '../src/lint.ts';

const lint = (text: string) => lintFailregex(compileFailregex(text, { usedns: 'no', isMultiline: false }));
const kinds = (text: string): string[] => lint(text).map(({ kind }) => kind);

test('lintFailregex() has nothing to say about patterns that hold', () => {
  for (const text of [
    '^Failed password for \\S+ from <HOST> port \\d+ ssh2$',
    '^<HOST> - - \\[\\] "GET [^"]*" 401 \\d+$',
    '^login failed: user=<F-USER>[^,]*</F-USER>, ip=<HOST>$',
  ]) {
    assert.deepEqual(lint(text), [], text);
  }
});

test('lintFailregex() tells a pattern without an anchor', () => {
  assert.deepEqual(kinds('authentication failure from <HOST>$'), ['unanchored']);
});

test('lintFailregex() proves that a lazy wildcard before the address takes an address of the attacker', () => {
  const [finding] = lint('^Failed login for .*? from <HOST>');
  assert.equal(finding?.kind, 'smuggle');
  assert.match(finding?.proof ?? '', /203\.0\.113\.66.*198\.51\.100\.1/);
});

test('lintFailregex() proves that a greedy wildcard with an open end takes one behind it', () => {
  const [finding] = lint('^Failed login for .* from <HOST>');
  assert.equal(finding?.kind, 'smuggle');
  assert.match(finding?.proof ?? '', /198\.51\.100\.1.*203\.0\.113\.66/);
});

test('lintFailregex() is content with a greedy wildcard whose end is closed', () => {
  assert.deepEqual(kinds('^Failed login for .* from <HOST>$'), []);
});

const explodes = (text: string): boolean =>
  findExplosion(compileFailregex(text, { usedns: 'no', isMultiline: false }), timeMatch) !== null;

test('findExplosion() builds a line on which an ambiguous pattern runs for ever', () => {
  assert.equal(explodes('^login (?:\\w+\\s?)+ from <HOST>$'), true);
  assert.equal(explodes('^(?=x)x(?:a+)+b <HOST>$'), true);
});

test('findExplosion() finds nothing where each character can be taken in one way only', () => {
  assert.equal(explodes('^Failed password for \\S+ from <HOST> port \\d+ ssh2$'), false);
  assert.equal(explodes('^<HOST> - - \\[\\] "GET [^"]*" 401 \\d+$'), false);
});
