import { printExactSet } from './printset.ts';
import type { Anchor, CharSet } from './tree.ts';
import { asciiMembers } from './unicode.ts';

/** A test of one code point against a set. */
export function testerOf(set: CharSet): (code: number) => boolean {
  const ascii = asciiMembers(set);
  let exact: RegExp | null = null;
  return (code) => {
    if (code < 128) return ascii[code] === true;
    exact ??= new RegExp(`^${printExactSet(set)}$`, 'v');
    return exact.test(String.fromCodePoint(code));
  };
}

const isWordCode = testerOf({ ranges: [], categories: ['w'], isNegated: false, fold: 'none' });

/** Whether an anchor holds before the code point at `pos`. */
export function holds(anchor: Anchor, codes: readonly number[], pos: number): boolean {
  switch (anchor) {
    case 'start':
      return pos === 0;
    case 'end':
      return pos === codes.length;
    case 'finalEnd':
      return pos === codes.length || (pos === codes.length - 1 && codes[pos] === 10);
    case 'lineStart':
      return pos === 0 || codes[pos - 1] === 10;
    case 'lineEnd':
      return pos === codes.length || codes[pos] === 10;
    default: {
      const isAscii = anchor === 'asciiWord' || anchor === 'notAsciiWord';
      const isWord = (code: number | undefined) =>
        code !== undefined && (!isAscii || code < 128) && isWordCode(code);
      const isEdge = isWord(codes[pos - 1]) !== isWord(codes[pos]);
      return isEdge === (anchor === 'word' || anchor === 'asciiWord');
    }
  }
}
