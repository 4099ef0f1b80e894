import {
  accept,
  acceptMatch,
  errorAt,
  type Flags,
  foldOf,
  originOf,
  type PatternReader,
  peek,
  take,
} from './reader.ts';
import type { Category, CharSet, Node, Range } from './tree.ts';

/** An escape or class member: one character, or a category such as `\d`. */
export type Member = { readonly code: number } | { readonly category: Category };

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
  ['\\', 92],
]);

/** A set of exactly one character. */
export function literal(code: number, flags: Flags, at: number): Node {
  const set: CharSet = {
    ranges: [{ lo: code, hi: code }],
    categories: [],
    isNegated: false,
    fold: foldOf(flags),
  };
  return { kind: 'set', at, set };
}

/** The set for a class member outside a class. */
export function memberSet(member: Member, flags: Flags, at: number): Node {
  if ('code' in member) return literal(member.code, flags, at);
  const { ranges, categories } = inSet(member.category, flags);
  return { kind: 'set', at, set: { ranges, categories, isNegated: false, fold: 'none' } };
}

/** `.`: everything except a newline, or everything with (?s). */
export function dot(flags: Flags, at: number): Node {
  const ranges = flags.dotAll ? [] : [{ lo: 10, hi: 10 }];
  return { kind: 'set', at, set: { ranges, categories: [], isNegated: true, fold: 'none' } };
}

const ASCII_RANGES: Readonly<Record<Category, readonly Range[]>> = {
  d: [{ lo: 0x30, hi: 0x39 }],
  D: outside([{ lo: 0x30, hi: 0x39 }]),
  s: [
    { lo: 9, hi: 13 },
    { lo: 32, hi: 32 },
  ],
  S: outside([
    { lo: 9, hi: 13 },
    { lo: 32, hi: 32 },
  ]),
  w: asciiWord(),
  W: outside(asciiWord()),
};

function asciiWord(): Range[] {
  return ['09', 'AZ', '__', 'az'].map((pair) => ({ lo: pair.charCodeAt(0), hi: pair.charCodeAt(1) }));
}

function outside(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  let from = 0;
  for (const { lo, hi } of ranges) {
    if (lo > from) out.push({ lo: from, hi: lo - 1 });
    from = hi + 1;
  }
  return [...out, { lo: from, hi: 0x10ffff }];
}

function inSet(category: Category, flags: Flags): Pick<CharSet, 'ranges' | 'categories'> {
  if (flags.ascii) return { ranges: ASCII_RANGES[category], categories: [] };
  return { ranges: [], categories: [category] };
}

/** Parses a class after its opening `[`; a `]` in first place is a member, as in Python. */
export function parseClass(reader: PatternReader, flags: Flags): Node {
  const open = reader.pos - 1;
  const isNegated = accept(reader, '^');
  const ranges: Range[] = [];
  const categories: Category[] = [];
  const add = (member: Member) => {
    if ('code' in member) ranges.push({ lo: member.code, hi: member.code });
    else {
      const more = inSet(member.category, flags);
      ranges.push(...more.ranges);
      categories.push(...more.categories);
    }
  };
  for (let isFirst = true; ; isFirst = false) {
    const start = reader.pos;
    if (peek(reader) === '') throw errorAt(reader, open, 'the class is not closed, "]" is missing');
    if (!isFirst && accept(reader, ']')) break;
    const low = parseMember(reader);
    const dash = reader.pos;
    if (!accept(reader, '-') || peek(reader) === ']') {
      reader.pos = dash;
      add(low);
      continue;
    }
    if (peek(reader) === '') throw errorAt(reader, open, 'the class is not closed, "]" is missing');
    const high = parseMember(reader);
    const range = reader.source.text.slice(start, reader.pos);
    if (!('code' in low && 'code' in high)) {
      throw errorAt(reader, start, `the range "${range}" has an end that is no single character`);
    }
    if (high.code < low.code) throw errorAt(reader, start, `the range "${range}" ends before it begins`);
    ranges.push({ lo: low.code, hi: high.code });
  }
  const set: CharSet = { ranges, categories, isNegated, fold: foldOf(flags) };
  return { kind: 'set', at: originOf(reader, open), set };
}

function parseMember(reader: PatternReader): Member {
  const start = reader.pos;
  const char = take(reader);
  if (char !== '\\') return { code: char.codePointAt(0) ?? 0 };
  if (accept(reader, 'b')) return { code: 8 };
  const octal = acceptMatch(reader, /[0-7]{1,3}/y);
  if (octal !== null) return { code: octalCode(reader, start, octal[0]) };
  return parseEscape(reader, start);
}

/** The value of an octal escape; CPython refuses values over \377. */
export function octalCode(reader: PatternReader, start: number, digits: string): number {
  const code = Number.parseInt(digits, 8);
  if (code > 0o377) throw errorAt(reader, start, `the octal escape \\${digits} is over \\377`);
  return code;
}

/** Parses a character or category after a backslash, in a class or outside. */
export function parseEscape(reader: PatternReader, start: number): Member {
  const hex = acceptMatch(reader, /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y);
  if (hex !== null) {
    const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16);
    if (code > 0x10ffff) throw errorAt(reader, start, `the escape \\${hex[0]} is no character`);
    return { code };
  }
  const char = take(reader);
  if (char === '') throw errorAt(reader, start, 'the pattern ends in a backslash');
  if (isCategory(char)) return { category: char };
  const control = CONTROLS.get(char);
  if (control !== undefined) return { code: control };
  if (char === 'N')
    throw errorAt(reader, start, 'cannot have \\N{...}: write the character itself or \\uXXXX');
  if (/[xuU]/.test(char)) throw errorAt(reader, start, `the escape \\${char} lacks hexadecimal digits`);
  if (/[a-zA-Z0-9]/.test(char)) throw errorAt(reader, start, `the escape \\${char} has no meaning`);
  return { code: char.codePointAt(0) ?? 0 };
}

function isCategory(char: string): char is Category {
  return char.length === 1 && 'dwsDWS'.includes(char);
}
