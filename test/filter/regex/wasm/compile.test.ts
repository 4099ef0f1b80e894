import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failregex } from '../../../../src/filter/regex/failregex.ts';
import { filterFor, STOCK } from '../../../testbed/attacked.ts';
import { isLong } from '../../../testbed/need.ts';
import { plainText, pumpedTexts } from '../../../testbed/pumped.ts';
import { randomOf } from '../mutate.ts';
import { compilePattern, makePattern, pick } from '../pattern.ts';
import { compile, natively, search } from './tried.ts';

const LETTERS = [...'aaabbb kKsS1.-] \r{}x\n'];
const ROOT = join(import.meta.dirname, '../../../..');
/** Texts near one that matches: cut, doubled, with other characters. */
function* near(text: string, random: () => number): Generator<string> {
  yield text;
  for (let i = 0; i < 30; i++) {
    const [from, to] = [Math.floor(random() * (text.length + 1)), Math.floor(random() * (text.length + 1))];
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    const sign = ' :.[]0a-from/"\t\x7f'[Math.floor(random() * 16)] ?? '';
    const way = Math.floor(random() * 4);
    if (way === 0) yield text.slice(0, low) + text.slice(high);
    else if (way === 1) yield text.slice(0, high) + text.slice(low);
    else if (way === 2) yield text.slice(0, from) + sign + text.slice(from + 1);
    else yield text.slice(0, from) + sign + text.slice(from);
  }
}

function regexesIn(folder: string, isStock: boolean): Failregex[] {
  if (!existsSync(join(folder, 'filter.d'))) return [];
  return readdirSync(join(folder, 'filter.d'))
    .filter((file) => file.endsWith('.conf'))
    .flatMap((file) => {
      const filter = filterFor({ name: file.slice(0, -'.conf'.length), isStock });
      if (filter === null) return [];
      const prefix = filter.prefregex === null ? [] : [filter.prefregex];
      return [...prefix, ...filter.failregex, ...filter.ignoreregex].map(({ regex }) => regex);
    });
}

test('what is compiled finds what native expressions find, in all filters', (t) => {
  const regexes = [...regexesIn(STOCK, true), ...regexesIn(ROOT, false)];
  const random = randomOf(11);
  const wrong: string[] = [];
  let compiled = 0;
  let pairs = 0;
  let found = 0;
  let tooMuch = 0;
  for (const regex of regexes) {
    const tried = compile(regex);
    if (tried === null || regex.agreement !== 'all') continue;
    compiled++;
    const plain = plainText(regex);
    for (const text of [...near(plain, random), ...pumpedTexts(regex, 300)].flatMap((one) => [
      one,
      `x ${one}`,
    ])) {
      const line = `${text.replaceAll('\n', ' ')}\n`;
      const own = search(tried, regex, line);
      pairs++;
      if (own === 'gave up') {
        tooMuch++;
        continue;
      }
      const native = natively(regex, line);
      if (JSON.stringify(own) !== JSON.stringify(native))
        wrong.push(
          `${regex.text} on ${JSON.stringify(line)}: ${JSON.stringify(own)}, native ${JSON.stringify(native)}`,
        );
      if (native !== null) found++;
    }
  }
  t.diagnostic(
    `${compiled} of ${regexes.length} expressions, ${pairs} texts, ${found} matches, given up ${tooMuch}`,
  );
  assert.ok(compiled > regexes.length * 0.8 && found > compiled);
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} differ`);
});

test('random patterns of every construct find what native expressions find', (t) => {
  const random = randomOf(19);
  const wrong: string[] = [];
  let [compiled, pairs, found] = [0, 0, 0];
  for (let i = 0; i < (isLong ? 50_000 : 5000); i++) {
    const regex = compilePattern(makePattern(random));
    const tried = regex === null || regex.agreement !== 'all' ? null : compile(regex);
    if (regex === null || tried === null) continue;
    compiled++;
    for (let j = 0; j < 30; j++) {
      const letters = Array.from({ length: Math.floor(random() * 9) }, () => pick(random, LETTERS));
      const text = `${letters.join('')}\n`;
      const [own, native] = [search(tried, regex, text), natively(regex, text)];
      pairs++;
      if (native !== null) found++;
      if (JSON.stringify(own) !== JSON.stringify(native))
        wrong.push(
          `${regex.text} on ${JSON.stringify(text)}: ${JSON.stringify(own)}, native ${JSON.stringify(native)}`,
        );
    }
  }
  t.diagnostic(`${compiled} expressions, ${pairs} texts, ${found} matches`);
  assert.ok(compiled > 500 && found > pairs / 20);
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} differ`);
});

test('what cannot be expressed is left to native expressions', () => {
  const deep = '^\\s*failed (?:(?:(?:[0-9a-f]:){16}){16}){16}from <HOST>$';
  const refused = ['(?P<a>x)(?P=a) <HOST>', '(?:(?P<user>x)|y)* <HOST>', 'a{17}(?:bc){17} <HOST>'];
  for (const text of [...refused, deep, `^${'[ab]c'.repeat(5000)} <HOST>`]) {
    const regex = compilePattern(text);
    assert.ok(regex !== null && compile(regex) === null, text);
  }
});
