import { checkReference, parseAlternatives, parseSequence } from './parse.ts';
import { accept, acceptMatch, errorAt, type Flags, foldOf, originOf, type Reader } from './reader.ts';
import type { Node } from './tree.ts';
import { widthOf } from './width.ts';

/** Reads what follows an opening bracket; null when it leaves nothing in the tree (a comment, global flags). */
export function parseGroup(reader: Reader, flags: Flags): Node | null {
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

/** A group's inside; flags that stand first in it hold for it alone. */
function parseBody(reader: Reader, flags: Flags): Node {
  const found = acceptMatch(reader, /\(\?([a-zA-Z]+)\)/y);
  if (found === null) return parseAlternatives(reader, flags);
  return parseAlternatives(
    reader,
    withFlags(reader, flags, { on: found[1] ?? '', off: '', pos: reader.pos - 2 }),
  );
}

function closed(reader: Reader, open: number, body: Node): Node {
  if (!accept(reader, ')')) throw errorAt(reader, open, 'the group is not closed, ")" is missing');
  return body.kind === 'repeat' || body.kind === 'anchor'
    ? { kind: 'seq', at: originOf(reader, open), items: [body] }
    : body;
}

function parseCapture(reader: Reader, flags: Flags, open: number, name: string | null): Node {
  // As fail2ban rewrites `((?i)...)`: the bracket turns into one that only carries the flags.
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

function parseNamed(reader: Reader, flags: Flags, open: number): Node {
  const found = acceptMatch(reader, /<([^>]*)>|=([^)]*)\)/y);
  if (found === null) throw errorAt(reader, open, 'behind (?P stands neither <name> nor =name)');
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

function parseConditional(reader: Reader, flags: Flags, open: number): Node {
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

function parseLook(reader: Reader, flags: Flags, open: number, sign: string): Node {
  const body = closed(reader, open, parseAlternatives(reader, flags));
  const isAhead = !sign.startsWith('<');
  if (!isAhead && widthOf(body) === null) {
    throw errorAt(reader, open, 'what a look-behind looks for must be of one length');
  }
  return { kind: 'look', at: originOf(reader, open), isAhead, isNegated: sign.endsWith('!'), body };
}

function parseFlags(reader: Reader, flags: Flags, open: number): Node | null {
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

type Change = { readonly on: string; readonly off: string; readonly pos: number };

function withFlags(reader: Reader, flags: Flags, change: Change): Flags {
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
