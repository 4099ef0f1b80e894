import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFailregex, type Failregex, matchText, RegexError } from '../src/failregex.ts';
import { randomOf } from './failregex/mutate.ts';
import { openOracle, whyNoOracle } from './failregex/oracle.ts';

type Answer = [number, number, Record<string, [number, number]>] | null;
type Random = () => number;

const patterns = process.env['F2B_LONG'] ? 10_000 : 2000;
const reason = whyNoOracle();

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

const ATOMS = [
  'a', 'b', 'é', 'k', 'S', '.', '\\w', '\\d', '\\s', '\\S', '\\W', '\\D', '[ab]', '[^a]', '[]a]', '[^]b]', '[a-c\\d]', '[\\w-]',
  '\\.', ' ', '\\x41', '\\u00e9', '\\101', '[\\]x]', '(?:)', '\\b', '\\B', '^', '$', '\\A', '\\Z', 'ab', 'K', '\\n', '{', 'a{', ']', '}',
  '[k-s]', '[É-ë]',
]; // biome-ignore format: a table
const COUNTS = ['*', '+', '?', '{2}', '{,2}', '{1,}', '{0,3}', '*?', '+?', '??', '{1,2}?', '{,}'];

/** A random pattern in Python's syntax; now and then a broken one. */
function makePattern(random: Random): string {
  let groups = 0;
  const piece = (depth: number): string => {
    const roll = random();
    if (depth <= 0 || roll < 0.35) return pick(random, ATOMS);
    // Over more than one character CPython 3.11's possessive repeats are faulty, so they are tried on single ones.
    if (roll < 0.38) return `${pick(random, ['a', '[ab]', '\\w', '.'])}${pick(random, ['*+', '++', '?+'])}`;
    if (roll < 0.5) return `${piece(depth - 1)}${pick(random, COUNTS)}`;
    if (roll < 0.6) return `(?P<g${++groups}>${body(depth - 1)})`;
    if (roll < 0.65) return `(?:${body(depth - 1)})${pick(random, COUNTS)}`;
    if (roll < 0.7) return `(?P<g${++groups}>${body(depth - 1)})${pick(random, COUNTS)}`;
    if (roll < 0.75) return `(?${pick(random, ['=', '!', '<=', '<!', '>'])}${body(depth - 1)})`;
    if (roll < 0.82 && groups > 0) return `(?P=g${1 + Math.floor(random() * groups)})`;
    if (roll < 0.89 && groups > 0) {
      const name = `g${1 + Math.floor(random() * groups)}`;
      return `(?(${name})${plain(depth - 1)}|${plain(depth - 1)})`;
    }
    if (roll < 0.93) return `(?${pick(random, ['i', 's', 'm', 'x', 'is', '-i'])}:${body(depth - 1)})`;
    return `(?:${body(depth - 1)})`;
  };
  const plain = (depth: number) =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => piece(depth)).join('');
  const body = (depth: number) => (random() < 0.3 ? `${plain(depth)}|${plain(depth)}` : plain(depth));
  return `${random() < 0.15 ? '(?i)' : ''}${body(3)}`;
}

const LETTERS = [...'aaabbb k\u212aKsS\u017f1.-]é\u00c9 \u0661\r\n{}x'];

function makeText(random: Random): string {
  return `${Array.from({ length: Math.floor(random() * 9) }, () => pick(random, LETTERS)).join('')}\n`;
}

function compile(text: string): Failregex | null {
  try {
    return compileFailregex(text, { usedns: 'yes', isMultiline: false });
  } catch (error) {
    if (error instanceof RegexError) return null;
    throw error;
  }
}

function explain(regex: Failregex, text: string, answer: Answer): string | null {
  const found = matchText(regex, text);
  const isEndRight =
    found !== null &&
    answer !== null &&
    (found.end === answer[1] || (found.end === text.length && answer[1] === text.length - 1));
  const groups = found?.groups ?? [];
  const have = found && [...regex.fields].map(([, number]) => groups[number] ?? null);
  const want =
    answer &&
    [...regex.fields.keys()].map((name) => {
      const span = answer[2][name];
      return span ? text.slice(...span) : null;
    });
  const isSame =
    (found === null && answer === null) ||
    (found?.start === answer?.[0] && isEndRight && JSON.stringify(have) === JSON.stringify(want));
  return isSame
    ? null
    : `${regex.text} on ${JSON.stringify(text)}: ${found?.start}-${found?.end} ${JSON.stringify(have)}, Python ${JSON.stringify(answer)} (${regex.agreement})`;
}

test('random patterns of every construct match as in CPython, or are refused as there', async (t) => {
  if (reason !== null) return t.skip(reason);
  const oracle = openOracle();
  t.after(() => oracle.close());
  const random = randomOf(7);
  const wrong: string[] = [];
  let pairs = 0;
  let refused = 0;
  for (let i = 0; i < patterns; i++) {
    const text = makePattern(random);
    const theirs = (await oracle.ask({ do: 'compile', key: 'random', pattern: text })) as string | null;
    const regex = compile(text);
    if (theirs !== null || regex === null) {
      refused++;
      const isOurs = text.trim() === '' || /\(\?<.*\(\?P=/.test(text);
      if (!isOurs && (theirs === null) !== (regex !== null))
        wrong.push(`${text}: ${regex ? 'taken' : 'refused'}, Python: ${theirs}`);
      continue;
    }
    const texts = Array.from({ length: 25 }, () => makeText(random));
    const answers = (await oracle.ask({ do: 'match', key: 'random', texts })) as (Answer | 'broken')[];
    for (const [j, each] of texts.entries()) {
      const answer = answers[j] ?? null;
      if (answer === 'broken') continue;
      pairs++;
      const fault = explain(regex, each, answer);
      if (fault !== null) wrong.push(fault);
    }
  }
  t.diagnostic(`${pairs} pairs of ${patterns} random patterns, ${refused} of them refused by both`);
  // CPython 3.11 keeps captures of failed turns now and then, and not the place where a possessive repeat began.
  const allowed = patterns > 2000 ? pairs / 10_000 : 0;
  assert.ok(wrong.length <= allowed, `${wrong.length} differ\n${wrong.slice(0, 40).join('\n')}`);
});
