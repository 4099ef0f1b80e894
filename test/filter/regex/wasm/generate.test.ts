import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Generator, NotCompiled } from '../../../../src/filter/regex/wasm/generate.ts';
import { parsed } from '../parsed.ts';
import { compilePattern } from '../pattern.ts';
import { compile, natively, search } from './tried.ts';

/** What is found of the patterns in the texts is what native expressions find. */
function agree(patterns: readonly string[], texts: readonly string[]): void {
  for (const pattern of patterns) {
    const regex = compilePattern(pattern);
    const tried = regex === null ? null : compile(regex);
    assert.ok(regex !== null && tried !== null, pattern);
    for (const text of texts)
      assert.deepEqual(
        search(tried, regex, `${text}\n`),
        natively(regex, `${text}\n`),
        `${pattern} on ${text}`,
      );
  }
}

test('branches are tried in their order, and a group that one of them set is unset for the next', () => {
  agree(
    ['^(?P<x>a|ab)(?P<y>c|bcd)', '^(?:(?P<x>a)b|(?P<y>a)c|a)', '(?P<x>ab|a)?(?P<y>b)?c'],
    ['abcd', 'ac', 'ab', 'ad', 'c', ''],
  );
});

test('a conditional asks for a group that is set, to nothing as well', () => {
  agree(
    ['^(?P<x>a)?(?(x)b|c)', '^(?P<x>a*)(?(x)b|c)', '^(?:(?P<x>a)|b)(?(x)c)d'],
    ['ab', 'c', 'b', 'acd', 'bd', 'ad'],
  );
});

test('turns of a loop are as many as may be, or as few', () => {
  const texts = ['abababc', 'ababc', 'abc', 'c', 'abab'];
  agree(
    [
      '^(?:ab){2}(?P<x>.*)',
      '^(?:ab){1,2}?(?P<x>.*)',
      '^(?:ab)*(?P<x>.)',
      '^(?:ab)+?(?P<x>.)',
      '^(?:ab)*+(?P<x>.)',
    ],
    texts,
  );
});

test('an atomic group gives nothing back', () => {
  agree(['^(?>a|ab)c', '^(?>ab|a)c', '^(?>(?:ab)*)abc'], ['abc', 'ac', 'ababc']);
});

test('what stands at the end of a look is looked for', () => {
  const texts = [
    'user root',
    'user rooter',
    'user rooter x',
    'user root x',
    'user',
    'xroot user root',
    'root',
  ];
  for (const text of [
    '^user (?!root\\b)\\w+',
    '^user(?= root$) .*',
    '^\\w+(?! root\\Z).*$',
    'x(?<=x\\b)?root',
    '(?<=\\broot) x',
    '(?=root\\B)\\w+',
  ]) {
    const regex = compilePattern(text);
    const tried = regex === null ? null : compile(regex);
    assert.ok(regex !== null && tried !== null, text);
    for (const one of texts)
      assert.deepEqual(search(tried, regex, `${one}\n`), natively(regex, `${one}\n`), `${text} on ${one}`);
  }
});

test('work without end is given up, in little time and memory', (t) => {
  for (const text of [
    ...['^(?:a|aa|a?b)*c$', '^(?:.*x){4}y<HOST>', '^(?:[^"]*"){3}z', '^(?:(?!q).)*w'],
    ...[
      '^.{1,2000}.{1,2000}.{1,2000}y<HOST>',
      '^(?:(?!.{0,3000}q).)*b<HOST>',
      '[a-z]{1,64}[a-z.]{1,255}[a-z]{1,255}@<HOST>',
    ],
  ]) {
    const regex = compilePattern(text);
    const tried = regex === null ? null : compile(regex);
    assert.ok(regex !== null && tried !== null, text);
    const long = `${'ax"'.repeat(1300)}\n`;
    const beginMs = performance.now();
    const answer = search(tried, regex, text.includes('a?b') ? `${'a'.repeat(4000)}\n` : long);
    t.diagnostic(`${text}: ${(performance.now() - beginMs).toFixed(1)} ms`);
    assert.ok(answer === 'gave up' || answer === null, text);
  }
});

test('Generator says why it leaves a pattern to native expressions', () => {
  const why = (pattern: string): string => {
    const tree = parsed(pattern);
    const slots = new Map([
      [0, 0],
      ...[...tree.names.values()].map((index): [number, number] => [index, 8 * index]),
    ]);
    try {
      new Generator(tree, slots, 512).module();
      return 'compiled';
    } catch (error) {
      assert.ok(error instanceof NotCompiled, pattern);
      return error.message;
    }
  };
  assert.equal(why('(?P<x>a)(?P=x)'), 'it refers back');
  assert.equal(why('(?:(?P<x>a)b)*'), 'a loop sets a group');
  assert.equal(why('(?:ab){17}'), 'it counts too far');
  assert.equal(why('(?:a?b?)*'), 'a turn of a loop may be empty');
  assert.equal(why('(?!(?P<x>a))b'), 'a part by itself sets a group');
  assert.equal(why('(?P<x>a)?(?=(?(x)b|c))'), 'a part by itself asks for a group');
  assert.equal(why('(?P<x>a)?(?>(?:ab)*)c'), 'compiled');
});
