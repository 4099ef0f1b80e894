import { compileFailregex, type Failregex, RegexError } from '../../../src/filter/regex/failregex.ts';

type Random = () => number;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

const ATOMS = [
  'a', 'b', 'é', 'k', 'S', '.', '\\w', '\\d', '\\s', '\\S', '\\W', '\\D', '[ab]', '[^a]', '[]a]', '[^]b]', '[a-c\\d]', '[\\w-]',
  '\\.', ' ', '\\x41', '\\u00e9', '\\101', '[\\]x]', '(?:)', '\\b', '\\B', '^', '$', '\\A', '\\Z', 'ab', 'K', '\\n', '{', 'a{', ']', '}',
  '[k-s]', '[É-ë]',
]; // biome-ignore format: a table
const COUNTS = ['*', '+', '?', '{2}', '{,2}', '{1,}', '{0,3}', '*?', '+?', '??', '{1,2}?', '{,}'];

/** A random pattern in Python's syntax; now and then a broken one. */
export function makePattern(random: Random): string {
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

/** Null where the pattern is refused. */
export function compilePattern(text: string): Failregex | null {
  try {
    return compileFailregex(text, { usedns: 'yes', isMultiline: false });
  } catch (error) {
    if (error instanceof RegexError) return null;
    throw error;
  }
}
