import { parseGroup } from './parsegroup.ts';
import { dot, literal, memberSet, octalCode, parseClass, parseEscape } from './parseset.ts';
import {
  accept,
  acceptMatch,
  errorAt,
  type Flags,
  foldOf,
  originOf,
  peek,
  type Reader,
  readerOf,
  take,
} from './reader.ts';
import type { Expanded } from './tags.ts';
import type { Anchor, Node, Tree } from './tree.ts';

/**
 * Parses Python 3.11's `re` syntax. Flags in the middle of the pattern, which 3.11 refuses, hold for the group
 * that they open and else for the whole pattern, as in older versions. Throws a RegexError.
 */
export function parse(source: Expanded, isMultiline: boolean): Tree {
  let flags: Flags = {
    ignoreCase: false,
    multiline: isMultiline,
    dotAll: false,
    verbose: false,
    ascii: false,
  };
  for (;;) {
    const reader = readerOf(source, flags);
    const root = parseAlternatives(reader, flags);
    if (reader.pos < source.text.length) {
      throw errorAt(reader, reader.pos, 'this ")" closes nothing');
    }
    for (const [index, pos] of reader.awaited) {
      if (index > reader.groups) throw errorAt(reader, pos, `there is no group ${index}`);
    }
    if (JSON.stringify(reader.global) === JSON.stringify(flags)) {
      return { root, groups: reader.groups, names: reader.names };
    }
    flags = reader.global;
  }
}

/** Reads `a|b|c` up to a closing bracket or the end. */
export function parseAlternatives(reader: Reader, flags: Flags): Node {
  const at = originOf(reader, reader.pos);
  const branches = [parseSequence(reader, flags)];
  while (accept(reader, '|')) branches.push(parseSequence(reader, flags));
  const [only] = branches;
  return branches.length === 1 && only !== undefined ? only : { kind: 'alt', at, branches };
}

/** Reads up to `|`, a closing bracket or the end. */
export function parseSequence(reader: Reader, flags: Flags): Node {
  const at = originOf(reader, reader.pos);
  const items: Node[] = [];
  for (;;) {
    if (flags.verbose) acceptMatch(reader, /(?:[ \t\n\r\v\f]|#[^\n]*(?:\n|$))+/y);
    const char = peek(reader);
    if (char === '' || char === '|' || char === ')') break;
    const start = reader.pos;
    const counts = parseCounts(reader);
    if (counts !== null) {
      items.push(parseRepeat(reader, start, counts, items.pop()));
      continue;
    }
    const item = parseItem(reader, flags);
    if (item !== null) items.push(item);
  }
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: 'seq', at, items };
}

type Counts = { readonly min: number; readonly max: number };

/** `* + ? {m,n}`; a `{` that begins no count is an ordinary character. */
function parseCounts(reader: Reader): Counts | null {
  if (accept(reader, '*')) return { min: 0, max: Number.POSITIVE_INFINITY };
  if (accept(reader, '+')) return { min: 1, max: Number.POSITIVE_INFINITY };
  if (accept(reader, '?')) return { min: 0, max: 1 };
  if (peek(reader) !== '{') return null;
  const start = reader.pos;
  const found = acceptMatch(reader, /\{(?!\})(\d*)(?:(,)(\d*))?\}/y);
  if (found === null) return null;
  const [, low = '', comma, high = ''] = found;
  const min = low === '' ? 0 : Number(low);
  const limit = comma === undefined ? low : high;
  const max = limit === '' ? Number.POSITIVE_INFINITY : Number(limit);
  if (max < min) throw errorAt(reader, start, `the count ${found[0]} ends below its beginning`);
  if (min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
    throw errorAt(reader, start, `the count ${found[0]} is over ${MAX_COUNT}`);
  }
  return { min, max };
}

/** More is never meant, and the printed form of a nested count must stay small. */
const MAX_COUNT = 65535;

function parseRepeat(reader: Reader, start: number, counts: Counts, body: Node | undefined): Node {
  const sign = reader.source.text.slice(start, reader.pos);
  if (body === undefined || body.kind === 'anchor') {
    throw errorAt(reader, start, `there is nothing that "${sign}" could repeat`);
  }
  if (body.kind === 'repeat') throw errorAt(reader, start, `"${sign}" repeats what is repeated already`);
  const greed = accept(reader, '?') ? 'lazy' : accept(reader, '+') ? 'possessive' : 'greedy';
  return { kind: 'repeat', at: body.at, body, min: counts.min, max: counts.max, greed };
}

function parseItem(reader: Reader, flags: Flags): Node | null {
  const start = reader.pos;
  const at = originOf(reader, start);
  const char = take(reader);
  switch (char) {
    case '(':
      return parseGroup(reader, flags);
    case '[':
      return parseClass(reader, flags);
    case '.':
      return dot(flags, at);
    case '^':
      return { kind: 'anchor', at, anchor: flags.multiline ? 'lineStart' : 'start' };
    case '$':
      return { kind: 'anchor', at, anchor: flags.multiline ? 'lineEnd' : 'finalEnd' };
    case '\\':
      return parseBackslash(reader, flags, start);
    default:
      return literal(char.codePointAt(0) ?? 0, flags, at);
  }
}

function anchorOf(char: string, isAscii: boolean): Anchor | null {
  if (char === 'A') return 'start';
  if (char === 'Z') return 'end';
  if (char === 'b') return isAscii ? 'asciiWord' : 'word';
  if (char === 'B') return isAscii ? 'notAsciiWord' : 'notWord';
  return null;
}

function parseBackslash(reader: Reader, flags: Flags, start: number): Node {
  const at = originOf(reader, start);
  const anchor = anchorOf(peek(reader), flags.ascii);
  if (anchor !== null) {
    take(reader);
    return { kind: 'anchor', at, anchor };
  }
  const octal = acceptMatch(reader, /0[0-7]{0,2}|[1-3][0-7]{2}|[4-7][0-7]{2}/y);
  if (octal !== null) return literal(octalCode(reader, start, octal[0]), flags, at);
  const number = acceptMatch(reader, /[1-9]\d?/y);
  if (number === null) return memberSet(parseEscape(reader, start), flags, at);
  const index = Number(number[0]);
  checkReference(reader, start, index);
  return { kind: 'backref', at, index, fold: foldOf(flags) };
}

/** A back-reference must point to a group that is complete. */
export function checkReference(reader: Reader, pos: number, index: number): void {
  if (index > reader.groups) throw errorAt(reader, pos, `there is no group ${index} before this place`);
  if (reader.open.has(index)) throw errorAt(reader, pos, `group ${index} is still open here`);
}
