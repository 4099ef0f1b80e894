import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dispatch } from '../../../src/filter/fast/dispatch.ts';
import type { Filter } from '../../../src/filter/types.ts';
import { type FilterParts, filterOf } from '../filterof.ts';

type Options = ConstructorParameters<typeof Dispatch>[1];

/** The lines that some filter has to see, each with the filters and the failregexes that may match: `line: 0/1 0/3 1/`. */
function told(
  filters: readonly Filter[],
  lines: readonly string[],
  options: Options = { all: false },
): readonly string[] {
  const dispatch = new Dispatch(filters, options);
  const bytes = Buffer.from(`before\n${lines.map((line) => `${line}\n`).join('')}`);
  const seen: string[] = [];
  dispatch.eachLine(bytes, 7, bytes.length, (start, end) => {
    const concerned = filters.flatMap((_, number) => {
      if (!dispatch.concerns(number)) return [];
      const regexes: string[] = [];
      for (
        let index = dispatch.nextRegex(number, 0);
        index >= 0;
        index = dispatch.nextRegex(number, index + 1)
      ) {
        assert.ok(dispatch.mayMatch(number, index));
        regexes.push(`${number}/${index}`);
      }
      return regexes.length === 0 ? [`${number}/`] : regexes;
    });
    seen.push(`${bytes.toString('latin1', start, end)}: ${concerned.join(' ')}`);
  });
  return seen;
}

const of = (...parts: readonly FilterParts[]): readonly Filter[] => parts.map(filterOf);

test('a line is told to the filters whose failregexes could match it, and these are named', () => {
  const filters = of(
    { failregex: ['failed from <HOST>', 'refused <HOST>'] },
    { failregex: ['refused <HOST>'] },
  );
  assert.deepEqual(told(filters, ['x', 'a refused b', 'failed from b', 'failed from refused c', '']), [
    'a refused b: 0/1 1/0',
    'failed from b: 0/0',
    'failed from refused c: 0/0 0/1 1/0',
  ]);
});

test('literals are found in any case where the regex takes letters in any', () => {
  assert.deepEqual(
    told(of({ failregex: ['(?i)denied <HOST>', 'Refused <HOST>'] }), ['DENIED x', 'refused x']),
    ['DENIED x: 0/0'],
  );
});

test('a failregex without a literal may match every line', () => {
  const filters = of({ failregex: ['^<HOST>$', 'refused <HOST>'] }, { failregex: ['refused <HOST>'] });
  assert.deepEqual(told(filters, ['x', 'refused y']), ['x: 0/0', 'refused y: 0/0 0/1 1/0']);
});

test('behind a prefregex with a literal such a failregex has to see the lines of that only', () => {
  const parts = { prefregex: '^sshd: <F-CONTENT>.+</F-CONTENT>$', failregex: ['^<HOST>$'] };
  assert.deepEqual(told(of(parts), ['x', 'sshd: y']), ['sshd: y: 0/0']);
});

test('a filter over several lines has to see every line, with every failregex', () => {
  const filters = of({ failregex: ['refused <HOST>', 'failed <HOST>'], maxlines: 3 });
  assert.deepEqual(told(filters, ['x', 'refused y']), ['x: 0/0 0/1', 'refused y: 0/0 0/1']);
});

test('with `all` lines of prefregex and ignoreregex are told too, with `each` all lines', () => {
  const filters = of({
    prefregex: '^sshd: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['refused <HOST>'],
    ignoreregex: ['cron'],
  });
  const lines = ['x', 'sshd: y', 'cron', 'refused z'];
  assert.deepEqual(told(filters, lines), ['refused z: 0/0']);
  assert.deepEqual(told(filters, lines, { all: true }), ['sshd: y: 0/', 'cron: 0/', 'refused z: 0/0']);
  assert.deepEqual(told(filters, lines, { all: true, each: true }), [
    'x: 0/',
    'sshd: y: 0/',
    'cron: 0/',
    'refused z: 0/0',
  ]);
});

test('a filter may have more failregexes than a word has bits', () => {
  const failregex = Array.from({ length: 70 }, (_, i) => `number ${i}, <HOST>`);
  const filters = of({ failregex }, { failregex: ['number 69, <HOST>'] });
  assert.deepEqual(told(filters, ['number 31, x', 'number 32, x', 'number 69, x']), [
    'number 31, x: 0/31',
    'number 32, x: 0/32',
    'number 69, x: 0/69 1/0',
  ]);
});

test('what is rare in the first piece of the log is looked for', () => {
  const filters = of({ failregex: ['^connection from <HOST> denied$'] });
  const many = Array.from({ length: 50 }, () => 'connection from x ok');
  assert.deepEqual(told(filters, [...many, 'connection from x denied']), ['connection from x denied: 0/0']);
});

test('where there are more literals than the tables hold every line may match every failregex', () => {
  const words = (i: number): string => Array.from({ length: 32 }, (_, n) => `${i} and ${n}`).join('|');
  const failregex = Array.from({ length: 70 }, (_, i) => `number (?:${words(i)}), <HOST>`);
  const [line = ''] = told(of({ failregex }), ['x']);
  assert.equal(line.split(' ').length, 1 + 70);
});

test('literals() says nothing before the first line', () => {
  const dispatch = new Dispatch(of({ failregex: ['refused <HOST>'] }), { all: false });
  assert.deepEqual([dispatch.literals, dispatch.shared, dispatch.shift], [null, null, 0]);
});
