import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeMatch } from '../../../src/base/timelimit.ts';
import { findExplosion } from '../../../src/filter/lint/explosion.ts';
import { compileFailregex } from '../../../src/filter/regex/failregex.ts';

const compile = (text: string) => compileFailregex(text, { usedns: 'no', isMultiline: false });

const explodes = (text: string): boolean => findExplosion(compile(text), timeMatch) !== null;

test('findExplosion() builds a line on which an ambiguous pattern runs for ever', () => {
  assert.equal(explodes('^login (?:\\w+\\s?)+ from <HOST>$'), true);
  assert.equal(explodes('^(?=x)x(?:a+)+b <HOST>$'), true);
});

test('findExplosion() finds nothing where each character can be taken in one way only', () => {
  assert.equal(explodes('^Failed password for \\S+ from <HOST> port \\d+ ssh2$'), false);
  assert.equal(explodes('^<HOST> - - \\[\\] "GET [^"]*" 401 \\d+$'), false);
});

test('findExplosion() answers how the line begins and how long it is', () => {
  const found = findExplosion(compile('^login (?:a+)+b'), (_, text) => (text.length > 200 ? 501 : 1));
  assert.deepEqual(found, { line: `login ${'a'.repeat(20)}`, length: 'login '.length + 250 + 1 });
});

test('findExplosion() tries ever longer lines, and stops where growth by the cube would not matter', () => {
  const lengths = (costMs: (length: number) => number): readonly number[] => {
    const tried: number[] = [];
    const clock = (_: RegExp, text: string): number => {
      tried.push(text.length - 2);
      return costMs(text.length - 2);
    };
    assert.equal(findExplosion(compile('^a+$'), clock), null);
    return tried;
  };
  assert.deepEqual(
    lengths(() => 0),
    [32, 64, 125, 250],
  );
  assert.deepEqual(
    lengths(() => 400),
    [32, 64, 125, 250, 500, 1000, 2000, 4000, 8000],
  );
});

test('findExplosion() asks nothing of a pattern that repeats nothing without limit', () => {
  const clock = (): number => assert.fail('timed');
  assert.equal(findExplosion(compile('^a{1,100} <HOST>$'), clock), null);
});
