import { dot, literal, memberSet, octalCode, parseClass, parseEscape } from './parseset.ts';
import {
  accept,
  acceptMatch,
  errorAt,
  type Flags,
  foldOf,
  originOf,
  type PatternReader,
  peek,
  readerOf,
  take,
} from './reader.ts';
import type { Expanded } from './tags.ts';
import type { Anchor, Node, Tree } from './tree.ts';
import { widthOf } from './tree.ts';

/**
 * Parses Python 3.11's `re` syntax. Flags in the middle of a pattern, which 3.11 refuses, apply to the group
 * that they open, else to the whole pattern, as in older versions. Throws a RegexError.
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
export function parseAlternatives(reader: PatternReader, flags: Flags): Node {
  const at = originOf(reader, reader.pos);
  const branches = [parseSequence(reader, flags)];
  while (accept(reader, '|')) branches.push(parseSequence(reader, flags));
  const [only] = branches;
  return branches.length === 1 && only !== undefined ? only : { kind: 'alt', at, branches };
}

/** Reads up to `|`, a closing bracket or the end. */
export function parseSequence(reader: PatternReader, flags: Flags): Node {
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

/** `* + ? {m,n}`. A `{` that does not begin a count is an ordinary character. */
function parseCounts(reader: PatternReader): Counts | null {
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

/** Larger counts are never intended, and the printed form of nested counts must stay small. */
const MAX_COUNT = 65535;

function parseRepeat(reader: PatternReader, start: number, counts: Counts, body: Node | undefined): Node {
  const sign = reader.source.text.slice(start, reader.pos);
  if (body === undefined || body.kind === 'anchor') {
    throw errorAt(reader, start, `there is nothing that "${sign}" could repeat`);
  }
  if (body.kind === 'repeat') throw errorAt(reader, start, `"${sign}" follows another repetition`);
  const greed = accept(reader, '?') ? 'lazy' : accept(reader, '+') ? 'possessive' : 'greedy';
  return { kind: 'repeat', at: body.at, body, min: counts.min, max: counts.max, greed };
}

function parseItem(reader: PatternReader, flags: Flags): Node | null {
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

function parseBackslash(reader: PatternReader, flags: Flags, start: number): Node {
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

/** A back-reference must refer to a group that is closed. */
export function checkReference(reader: PatternReader, pos: number, index: number): void {
  if (index > reader.groups) throw errorAt(reader, pos, `there is no group ${index} before this place`);
  if (reader.open.has(index)) throw errorAt(reader, pos, `group ${index} is still open here`);
}

/** Parses what follows an opening bracket; null if it adds nothing to the tree (a comment, global flags). */
export function parseGroup(reader: PatternReader, flags: Flags): Node | null {
  const open = reader.pos - 1;
  const at = originOf(reader, open);
  if (!accept(reader, '?')) return parseCapture(reader, flags, open, null);
  if (accept(reader, ':')) return closed(reader, open, parseBody(reader, flags));
  if (accept(reader, 'P')) return parseNamed(reader, flags, open);
  if (accept(reader, '#')) {
    if (acceptMatch(reader, /[^)]*\)/y) === null) throw errorAt(reader, open, 'the comment is not closed');
    return null;
  }
  if (accept(reader, '>')) {
    return { kind: 'atomic', at, body: closed(reader, open, parseAlternatives(reader, flags)) };
  }
  if (accept(reader, '(')) return parseConditional(reader, flags, open);
  const look = acceptMatch(reader, /<?[=!]/y);
  if (look !== null) return parseLook(reader, flags, open, look[0]);
  return parseFlags(reader, flags, open);
}

/** The inside of a group; flags at its start apply to the group alone. */
function parseBody(reader: PatternReader, flags: Flags): Node {
  const found = acceptMatch(reader, /\(\?([a-zA-Z]+)\)/y);
  if (found === null) return parseAlternatives(reader, flags);
  return parseAlternatives(
    reader,
    withFlags(reader, flags, { on: found[1] ?? '', off: '', pos: reader.pos - 2 }),
  );
}

function closed(reader: PatternReader, open: number, body: Node): Node {
  if (!accept(reader, ')')) throw errorAt(reader, open, 'the group is not closed, ")" is missing');
  return body.kind === 'repeat' || body.kind === 'anchor'
    ? { kind: 'seq', at: originOf(reader, open), items: [body] }
    : body;
}

function parseCapture(reader: PatternReader, flags: Flags, open: number, name: string | null): Node {
  // fail2ban rewrites `((?i)...)` this way: the bracket becomes a group that only carries the flags.
  if (name === null && /\(\?[a-z]+\)/y.test(reader.source.text.slice(reader.pos, reader.pos + 12))) {
    return closed(reader, open, parseBody(reader, flags));
  }
  const index = ++reader.groups;
  if (name !== null) reader.names.set(name, index);
  reader.open.add(index);
  const body = parseBody(reader, flags);
  if (!accept(reader, ')')) throw errorAt(reader, open, 'the group is not closed, ")" is missing');
  reader.open.delete(index);
  return { kind: 'group', at: originOf(reader, open), index, name, body };
}

function parseNamed(reader: PatternReader, flags: Flags, open: number): Node {
  const found = acceptMatch(reader, /<([^>]*)>|=([^)]*)\)/y);
  if (found === null) throw errorAt(reader, open, '(?P must be followed by <name> or =name');
  const name = found[1] ?? found[2] ?? '';
  if (!/^[\p{L}_][\p{L}\p{N}\p{M}_]*$/u.test(name)) {
    throw errorAt(reader, open, `"${name}" cannot be a group's name: letters, digits and _ only`);
  }
  const known = reader.names.get(name);
  if (found[1] !== undefined) {
    if (known !== undefined) throw errorAt(reader, open, `there are two groups "${name}"`);
    return parseCapture(reader, flags, open, name);
  }
  if (known === undefined) throw errorAt(reader, open, `there is no group "${name}" before this place`);
  checkReference(reader, open, known);
  return { kind: 'backref', at: originOf(reader, open), index: known, fold: foldOf(flags) };
}

function parseConditional(reader: PatternReader, flags: Flags, open: number): Node {
  const found = acceptMatch(reader, /([^)]*)\)/y);
  const name = found?.[1] ?? '';
  const isNumber = /^\d+$/.test(name);
  const index = isNumber ? Number(name) : reader.names.get(name);
  if (found === null || index === undefined || index === 0) {
    throw errorAt(reader, open, `there is no group "${name}" before this place`);
  }
  if (isNumber && index > reader.groups) reader.awaited.set(index, open);
  const yes = parseSequence(reader, flags);
  const at = originOf(reader, open);
  const no: Node = accept(reader, '|') ? parseSequence(reader, flags) : { kind: 'seq', at, items: [] };
  if (accept(reader, '|')) throw errorAt(reader, open, 'the conditional has more than two branches');
  if (!accept(reader, ')')) throw errorAt(reader, open, 'the conditional is not closed, ")" is missing');
  return { kind: 'cond', at, index, yes, no };
}

function parseLook(reader: PatternReader, flags: Flags, open: number, sign: string): Node {
  const body = closed(reader, open, parseAlternatives(reader, flags));
  const isAhead = !sign.startsWith('<');
  if (!isAhead && widthOf(body) === null) {
    throw errorAt(reader, open, 'what a look-behind looks for must be of one length');
  }
  return { kind: 'look', at: originOf(reader, open), isAhead, isNegated: sign.endsWith('!'), body };
}

function parseFlags(reader: PatternReader, flags: Flags, open: number): Node | null {
  const found = acceptMatch(reader, /([a-zA-Z]*)(?:-([a-zA-Z]+))?([:)])/y);
  const [, on = '', off = '', end] = found ?? [];
  if (found === null || (on === '' && off === '') || (off !== '' && end !== ':')) {
    const extension = reader.source.text.slice(open, open + 4);
    const isName = /^\(\?<[\p{L}_]/u.test(extension);
    throw errorAt(
      reader,
      open,
      isName
        ? 'Python writes a named group (?P<name>...)'
        : `"${extension}" begins nothing that Python knows`,
    );
  }
  const change = { on, off, pos: open };
  if (end === ':') return closed(reader, open, parseAlternatives(reader, withFlags(reader, flags, change)));
  reader.global = withFlags(reader, reader.global, change);
  return null;
}

type FlagChange = { readonly on: string; readonly off: string; readonly pos: number };

function withFlags(reader: PatternReader, flags: Flags, change: FlagChange): Flags {
  const { on, off, pos } = change;
  const unknown = /[^aimsux]/.exec(on)?.[0] ?? /[^imsx]/.exec(off)?.[0];
  if (unknown !== undefined) throw errorAt(reader, pos, `cannot have the flag "${unknown}" here`);
  if (on.includes('a') && on.includes('u')) {
    throw errorAt(reader, pos, 'the flags "a" and "u" exclude each other');
  }
  const both = [...on].find((flag) => off.includes(flag));
  if (both !== undefined) throw errorAt(reader, pos, `the flag "${both}" is turned on and off`);
  const value = (flag: string, before: boolean) =>
    on.includes(flag) ? true : off.includes(flag) ? false : before;
  return {
    ignoreCase: value('i', flags.ignoreCase),
    multiline: value('m', flags.multiline),
    dotAll: value('s', flags.dotAll),
    verbose: value('x', flags.verbose),
    ascii: on.includes('u') ? false : value('a', flags.ascii),
  };
}
