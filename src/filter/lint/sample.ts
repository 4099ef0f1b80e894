import { type CharSet, childrenOf, type Node } from '../regex/tree.ts';
import { asciiMembers } from '../regex/unicode.ts';

/** The groups of the offender: addresses, names, and ids of F-ID. */
export const ADDRESS_GROUPS: readonly string[] = ['ip4', 'ip6', 'dns', 'fid'];

/** Characters of a sample, the most common first. */
const LETTERS = [
  ...'ax1 -:/.=,;()[]"\'<>_@%#!?*+&~|{}\\^$`ABCDEFGHIJKLMNOPQRSTUVWXYZbcdefghijklmnopqrstuvwyz023456789\t\n',
].map((char) => char.charCodeAt(0));

/** Whether the set contains the ASCII character. */
export function accepts(set: CharSet, code: number): boolean {
  return asciiMembers(set)[code] === true;
}

/** Requirements for a sample. */
export type SampleWish = {
  /** The text for groups that capture an address. */
  readonly address: string;
  /**
   * Parts that the sample must include: other branches are not used, and nothing around the parts is left
   * out.
   */
  readonly through: readonly Node[];
  /** Replacements for these parts. */
  readonly fills: ReadonlyMap<Node, string>;
};

/**
 * A short text that matches the parts one after the other, with `address` for groups that capture an address;
 * null if none can be built. Ignores lookarounds and conditions, so callers must test the text.
 */
export function sampleText(items: readonly Node[], address: string): string | null {
  const captured = new Map<number, string>();
  const maker = { address, ways: new Set<Node>(), fills: new Map<Node, string>(), captured };
  return join(items.map((item) => nodeText(item, maker)));
}

/** The same for a whole pattern and a wish. */
export function sampleOf(root: Node, { address, through, fills }: SampleWish): string | null {
  const ways = new Set(through.flatMap((node) => wayTo(root, node) ?? []));
  return nodeText(root, { address, ways, fills, captured: new Map() });
}

/** The path from `root` to the node; null if the node is not inside `root`. */
function wayTo(root: Node, node: Node): readonly Node[] | null {
  if (root === node) return [root];
  for (const child of childrenOf(root)) {
    const way = wayTo(child, node);
    if (way !== null) return [root, ...way];
  }
  return null;
}

type Maker = {
  readonly address: string;
  readonly ways: ReadonlySet<Node>;
  readonly fills: ReadonlyMap<Node, string>;
  readonly captured: Map<number, string>;
};

function join(parts: readonly (string | null)[]): string | null {
  return parts.includes(null) ? null : parts.join('');
}

function nodeText(node: Node, maker: Maker): string | null {
  const { ways, captured } = maker;
  const fill = maker.fills.get(node);
  if (fill !== undefined) return fill;
  switch (node.kind) {
    case 'set': {
      const code = LETTERS.find((letter) => accepts(node.set, letter));
      return code === undefined ? null : String.fromCharCode(code);
    }
    case 'seq':
      return join(node.items.map((item) => nodeText(item, maker)));
    case 'alt': {
      const forced = node.branches.filter((branch) => ways.has(branch));
      return firstText(forced.length > 0 ? forced : node.branches, maker);
    }
    case 'repeat': {
      const times = Math.max(node.min, ways.has(node) ? 1 : 0);
      return times === 0 ? '' : (nodeText(node.body, maker)?.repeat(times) ?? null);
    }
    case 'group': {
      const isAddress = node.name !== null && ADDRESS_GROUPS.includes(node.name);
      const text = isAddress ? maker.address : nodeText(node.body, maker);
      if (text !== null) captured.set(node.index, text);
      return text;
    }
    case 'atomic':
      return nodeText(node.body, maker);
    case 'backref':
      return captured.get(node.index) ?? null;
    case 'cond':
      return nodeText(captured.has(node.index) ? node.yes : node.no, maker);
    default:
      return '';
  }
}

function firstText(branches: readonly Node[], maker: Maker): string | null {
  for (const branch of branches) {
    const text = nodeText(branch, maker);
    if (text !== null) return text;
  }
  return null;
}

/** The group of F-CONTENT. */
export function findContent(node: Node): Node | null {
  if (node.kind === 'group' && node.name === 'content') return node;
  for (const child of childrenOf(node)) {
    const found = findContent(child);
    if (found !== null) return found;
  }
  return null;
}
