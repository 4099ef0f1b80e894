import { parse } from '../regex/parse.ts';
import { print } from '../regex/print.ts';
import { RegexError } from '../regex/reader.ts';
import type { Expanded } from '../regex/tags.ts';
import { childrenOf, groupsIn, type Node, type NodeOf, type Tree } from '../regex/tree.ts';

/** A template's regexes and the native numbers of its named groups, in the order of the pattern. */
export type Translated = {
  /** For ASCII lines; flag g. */
  readonly ascii: RegExp;
  /** For all lines; flag g; compiled on first use. */
  readonly exact: () => RegExp;
  readonly groups: ReadonlyMap<string, number>;
  /** The group of the text before the span; 0 if there is none. */
  readonly prefix: number;
  /** Names of the groups outside the span. */
  readonly outside: readonly string[];
};

/** A datepattern that cannot be compiled, with the offset of the mistake (characters from 0). */
export class DatePatternError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'DatePatternError';
    this.offset = offset;
  }
}

const PREFIX = '_before';

/**
 * Translates Python regex syntax to native regexes with the same named groups. The bounds of the group `span`
 * are needed: if it is at the top level, a group for the text before it provides them, else flag d. Throws
 * DatePatternError.
 */
export function translate(python: Expanded, span: string, isTail: boolean): Translated {
  try {
    const parsed = parse(python, false);
    const wanted = (whole: Tree): Tree => (isTail ? whole : (withPrefix(whole, span) ?? whole));
    const tree = wanted(parsed);
    const ascii = print(tree, 'ascii');
    const groups = new Map([...tree.names].map(([name, index]) => [name, ascii.numbers.get(index) ?? 0]));
    const prefix = groups.get(PREFIX) ?? 0;
    const flags = isTail || prefix > 0 ? 'g' : 'gd';
    let exact: RegExp | null = null;
    return {
      ascii: new RegExp(ascii.source, ascii.flags + flags),
      exact: () => {
        if (exact !== null) return exact;
        // Rarely needed; parsing again is cheaper than keeping the tree.
        const printed = print(wanted(parse(python, false)), 'exact');
        exact = new RegExp(printed.source, printed.flags + flags);
        return exact;
      },
      groups,
      prefix,
      outside: namesOutside(parsed, span),
    };
  } catch (error) {
    if (error instanceof RegexError) throw new DatePatternError(error.message, error.offset);
    throw error;
  }
}

function namesOutside(tree: Tree, span: string): string[] {
  const node = findGroup(tree.root, tree.names.get(span) ?? 0);
  const inside = new Set(node === null ? [] : groupsIn(node));
  return [...tree.names].flatMap(([name, index]) => (inside.has(index) ? [] : [name]));
}

function findGroup(node: Node, index: number): NodeOf<'group'> | null {
  if (node.kind === 'group' && node.index === index) return node;
  for (const child of childrenOf(node)) {
    const found = findGroup(child, index);
    if (found !== null) return found;
  }
  return null;
}

/** The tree with a group around everything before the span; null if the span is not at the top level. */
function withPrefix(tree: Tree, span: string): Tree | null {
  const { root } = tree;
  const items: readonly Node[] = root.kind === 'seq' ? root.items : [root];
  const place = items.findIndex((item) => item.kind === 'group' && item.index === tree.names.get(span));
  if (place < 0) return null;
  const index = tree.groups + 1;
  const body: Node = { kind: 'seq', at: root.at, items: items.slice(0, place) };
  const before: Node = { kind: 'group', at: root.at, index, name: PREFIX, body };
  return {
    root: { kind: 'seq', at: root.at, items: [before, ...items.slice(place)] },
    groups: index,
    names: new Map([...tree.names, [PREFIX, index]]),
  };
}

/** Replaces `removed` characters at `at` by `inserted`, whose origin is that place. */
export function splice(text: Expanded, at: number, removed: number, inserted: string): Expanded {
  const origin = text.origins[at] ?? (text.origins.at(-1) ?? -1) + 1;
  return {
    text: text.text.slice(0, at) + inserted + text.text.slice(at + removed),
    origins: [
      ...text.origins.slice(0, at),
      ...new Array<number>(inserted.length).fill(origin),
      ...text.origins.slice(at + removed),
    ],
  };
}

/** A text whose characters have origins from `origin` on. */
export function plain(text: string, origin: number): Expanded {
  return { text, origins: Array.from({ length: text.length }, (_, i) => origin + i) };
}
