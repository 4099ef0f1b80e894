import type { Category, CharSet, Fold, Range } from './tree.ts';

/** Letters that Python's `re` treats as equal under (?i), apart from lower-casing; CPython 3.11 behaviour. */
const ALIKE: readonly (readonly number[])[] = [
  [0x69, 0x131],
  [0x73, 0x17f],
  [0xb5, 0x3bc],
  [0x345, 0x3b9, 0x1fbe],
  [0x390, 0x1fd3],
  [0x3b0, 0x1fe3],
  [0x3b2, 0x3d0],
  [0x3b5, 0x3f5],
  [0x3b8, 0x3d1],
  [0x3ba, 0x3f0],
  [0x3c0, 0x3d6],
  [0x3c1, 0x3f1],
  [0x3c2, 0x3c3],
  [0x3c6, 0x3d5],
  [0x432, 0x1c80],
  [0x434, 0x1c81],
  [0x43e, 0x1c82],
  [0x441, 0x1c83],
  [0x442, 0x1c84, 0x1c85],
  [0x44a, 0x1c86],
  [0x463, 0x1c87],
  [0x1c88, 0xa64b],
  [0x1e61, 0x1e9b],
  [0xfb05, 0xfb06],
];

const MAX_CODE = 0x10ffff;

function lower(code: number): number {
  return String.fromCodePoint(code).toLowerCase().codePointAt(0) ?? code;
}

/** Letters outside ASCII that equal an ASCII letter under (?i), by its lower-case code. */
const ASCII_FRIENDS: ReadonlyMap<number, readonly number[]> = new Map([
  [0x69, [0x130, 0x131]],
  [0x6b, [0x212a]],
  [0x73, [0x17f]],
]);

let everyClass: Map<number, readonly number[]> | null = null;

/** Built on first use, about 20 ms; not needed for ASCII lines. */
function classes(): Map<number, readonly number[]> {
  if (everyClass !== null) return everyClass;
  const byRoot = new Map<number, number[]>();
  const rootOf = new Map(ALIKE.flatMap((alike) => alike.map((code) => [code, alike[0] ?? code] as const)));
  for (let code = 0; code <= MAX_CODE; code++) {
    if (code === 0xd800) code = 0xe000;
    const low = lower(code);
    const root = rootOf.get(low) ?? low;
    if (root === code && low === code && !rootOf.has(code)) continue;
    const members = byRoot.get(root) ?? [root];
    if (!members.includes(code)) members.push(code);
    byRoot.set(root, members);
  }
  everyClass = new Map();
  for (const members of byRoot.values()) for (const code of members) everyClass.set(code, members);
  return everyClass;
}

/** All code points that equal `code` under the fold, including itself. */
export function equivalents(code: number, fold: Fold): readonly number[] {
  if (fold === 'none') return [code];
  const low = code >= 0x41 && code <= 0x5a ? code + 32 : code;
  if (low >= 0x61 && low <= 0x7a) {
    const both = [low - 32, low];
    return fold === 'ascii' ? both : [...both, ...(ASCII_FRIENDS.get(low) ?? [])];
  }
  if (fold === 'ascii' || code < 0x80) return [code];
  return classes().get(code) ?? [code];
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isWord(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a);
}

function isSpace(code: number): boolean {
  return (code >= 9 && code <= 13) || (code >= 0x1c && code <= 0x20);
}

function tableOf(test: (code: number) => boolean): readonly boolean[] {
  return Array.from({ length: 128 }, (_, code) => test(code));
}

const ASCII_CATEGORY: Readonly<Record<Category, readonly boolean[]>> = {
  d: tableOf(isDigit),
  w: tableOf(isWord),
  s: tableOf(isSpace),
  D: tableOf((code) => !isDigit(code)),
  W: tableOf((code) => !isWord(code)),
  S: tableOf((code) => !isSpace(code)),
};

const members = new WeakMap<CharSet, readonly boolean[]>();

/** For each of the 128 ASCII characters whether the set contains it. */
export function asciiMembers(set: CharSet): readonly boolean[] {
  const known = members.get(set);
  if (known !== undefined) return known;
  const table = new Array<boolean>(128).fill(false);
  for (const { lo, hi } of set.ranges) table.fill(true, lo, Math.min(hi, 127) + 1);
  if (set.fold !== 'none') foldTable(table, set);
  for (const category of set.categories) {
    const known = ASCII_CATEGORY[category];
    for (let code = 0; code < 128; code++) if (known[code]) table[code] = true;
  }
  const taken = set.isNegated ? table.map((isIn) => !isIn) : table;
  members.set(set, taken);
  return taken;
}

function foldTable(table: boolean[], set: CharSet): void {
  const holds = (code: number) => set.ranges.some(({ lo, hi }) => code >= lo && code <= hi);
  for (let low = 0x61; low <= 0x7a; low++) {
    const friends = set.fold === 'unicode' ? (ASCII_FRIENDS.get(low) ?? []) : [];
    if (table[low] || table[low - 32] || friends.some(holds)) table[low] = table[low - 32] = true;
  }
}

/** CPython's `str.isspace`, as the inside of a JavaScript class; includes 1C..1F and 85. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** Letters and numbers of every script and `_`, as the inside of a JavaScript class under the u flag. */
export const WORD = '\\p{L}\\p{N}_';

/** The set's ranges with all letters that are equal under its fold. */
export function foldedRanges(set: CharSet): readonly Range[] {
  if (set.fold === 'none') return set.ranges;
  const extra: Range[] = [];
  for (const range of set.ranges) {
    for (const code of foldable(range, set.fold)) {
      for (const other of equivalents(code, set.fold)) extra.push({ lo: other, hi: other });
    }
  }
  return merged([...set.ranges, ...extra]);
}

function foldable({ lo, hi }: Range, fold: Fold): number[] {
  const codes: number[] = [];
  for (let code = lo; code <= Math.min(hi, 0x7f); code++) codes.push(code);
  if (hi < 0x80 || fold === 'ascii') return codes;
  if (hi - lo < 64) return Array.from({ length: hi - lo + 1 }, (_, i) => lo + i);
  for (const code of classes().keys()) if (code >= 0x80 && code >= lo && code <= hi) codes.push(code);
  return codes;
}

/** Sorted ranges without overlaps. */
export function merged(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.lo - b.lo)) {
    const last = out.at(-1);
    if (last !== undefined && range.lo <= last.hi + 1) {
      out[out.length - 1] = { lo: last.lo, hi: Math.max(last.hi, range.hi) };
    } else {
      out.push(range);
    }
  }
  return out;
}
