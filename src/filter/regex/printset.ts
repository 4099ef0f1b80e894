import { type Category, type CharSet, onlyChar } from './tree.ts';
import { asciiMembers, foldedRanges, SPACE, WORD } from './unicode.ts';

const ASCII_NAMED: Readonly<Record<Category, string>> = {
  d: '\\d',
  D: '\\D',
  w: '\\w',
  W: '\\W',
  s: '[\\t-\\r\\x1c-\\x20]',
  S: '[^\\t-\\r\\x1c-\\x20]',
};

const EXACT_NAMED: Readonly<Record<Category, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: WORD,
  W: `[^${WORD}]`,
  s: SPACE,
  S: `[^${SPACE}]`,
};

/** One character outside a class, for any flags. */
export function printChar(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[\^$\\.*+?()[\]{}|/]/.test(char)) return `\\${char}`;
  if (code >= 0x20 && code < 0x7f) return char;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

function inClass(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[0-9A-Za-z]/.test(char)) return char;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

function printRanges(ranges: readonly { readonly lo: number; readonly hi: number }[]): string {
  return ranges
    .map(({ lo, hi }) =>
      hi - lo < 2 ? [...new Set([lo, hi])].map(inClass).join('') : `${inClass(lo)}-${inClass(hi)}`,
    )
    .join('');
}

function spans(members: readonly boolean[], wanted: boolean): { lo: number; hi: number }[] {
  const out: { lo: number; hi: number }[] = [];
  for (let code = 0; code < members.length; code++) {
    if (members[code] !== wanted) continue;
    const last = out.at(-1);
    if (last !== undefined && last.hi === code - 1) last.hi = code;
    else out.push({ lo: code, hi: code });
  }
  return out;
}

/** The same few sets stand in every pattern. */
const printed = new Map<string, string>();
const MOST_PRINTED = 1000;

/** The set for texts that hold ASCII only: small classes, no flag needed, letters spelt in both cases. */
export function printAsciiSet(set: CharSet): string {
  const only = onlyChar(set);
  if (only !== null && only < 128) return printChar(only);
  const key = JSON.stringify([set.ranges, set.categories, set.isNegated, set.fold]);
  const known = printed.get(key);
  if (known !== undefined) return known;
  const text = printMembers(set);
  if (printed.size < MOST_PRINTED) printed.set(key, text);
  return text;
}

function printMembers(set: CharSet): string {
  const [category] = set.categories;
  if (set.categories.length === 1 && set.ranges.length === 0 && !set.isNegated && category !== undefined) {
    return ASCII_NAMED[category];
  }
  const members = asciiMembers(set);
  const taken = spans(members, true);
  const left = spans(members, false);
  const [first] = taken;
  if (first === undefined) return '[]';
  if (taken.length === 1 && first.lo === first.hi) return printChar(first.lo);
  if (left.length === 0) return '[^]';
  if (left.length < taken.length || (left.length === taken.length && set.isNegated)) {
    return `[^${printRanges(left)}]`;
  }
  return `[${printRanges(taken)}]`;
}

/** The set for any text, under the flag v. */
export function printExactSet(set: CharSet): string {
  const only = onlyChar(set);
  if (only !== null) return printChar(only);
  const inside = printRanges(foldedRanges(set)) + set.categories.map((each) => EXACT_NAMED[each]).join('');
  return `[${set.isNegated ? '^' : ''}${inside}]`;
}
