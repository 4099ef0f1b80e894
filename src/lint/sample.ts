import type { CharSet, Node } from '../failregex/tree.ts';

/** Characters that a sample is made of, the most usual first. */
const LETTERS = [
  ...'ax1 -:/.=,;()[]"\'<>_@%#!?*+&~|{}\\^$`ABCDEFGHIJKLMNOPQRSTUVWXYZbcdefghijklmnopqrstuvwyz023456789\t',
].map((char) => char.charCodeAt(0));

/** Whether the set takes the ASCII character. */
export function accepts(set: CharSet, code: number): boolean {
  const codes = set.fold === 'none' ? [code] : [code, swapCase(code)];
  const isIn = codes.some(
    (one) =>
      set.ranges.some(({ lo, hi }) => one >= lo && one <= hi) ||
      set.categories.some((c) => inCategory(c, one)),
  );
  return isIn !== set.isNegated;
}

function swapCase(code: number): number {
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code ^ 32 : code;
}

function inCategory(category: string, code: number): boolean {
  const patterns: Readonly<Record<string, RegExp>> = { d: /\d/, w: /\w/, s: /\s/, D: /\D/, W: /\W/, S: /\S/ };
  return patterns[category]?.test(String.fromCharCode(code)) ?? false;
}

/**
 * A short text that the parts match one after the other, with `address` where a group takes an address; null when
 * none could be made up. Look-arounds and conditions are not minded: whoever uses the text tries it first.
 */
export function sampleText(items: readonly Node[], address: string): string | null {
  const captured = new Map<number, string>();
  return join(items.map((item) => textOf(item, address, captured)));
}

function join(parts: readonly (string | null)[]): string | null {
  return parts.includes(null) ? null : parts.join('');
}

function textOf(node: Node, address: string, captured: Map<number, string>): string | null {
  switch (node.kind) {
    case 'set': {
      const code = LETTERS.find((letter) => accepts(node.set, letter));
      return code === undefined ? null : String.fromCharCode(code);
    }
    case 'seq':
      return join(node.items.map((item) => textOf(item, address, captured)));
    case 'alt':
      for (const branch of node.branches) {
        const text = textOf(branch, address, captured);
        if (text !== null) return text;
      }
      return null;
    case 'repeat': {
      const text = node.min === 0 ? '' : textOf(node.body, address, captured);
      return text === null ? null : text.repeat(node.min);
    }
    case 'group': {
      const text = isAddress(node.name) ? address : textOf(node.body, address, captured);
      if (text !== null) captured.set(node.index, text);
      return text;
    }
    case 'atomic':
      return textOf(node.body, address, captured);
    case 'backref':
      return captured.get(node.index) ?? null;
    case 'cond':
      return textOf(captured.has(node.index) ? node.yes : node.no, address, captured);
    default:
      return '';
  }
}

function isAddress(name: string | null): boolean {
  return name === 'ip4' || name === 'ip6' || name === 'dns' || name === 'fid';
}
