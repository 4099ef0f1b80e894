import type { FinderLine, LineFinder, Literal, Stretch } from './literalfinder.ts';

const BLOCKS = 65536;
/** Literals are compared whole, but looked for by so many bytes at the most. */
const LONGEST = 16;

/** The lower-case form of an ASCII byte. */
function fold(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/**
 * Finds literals of two characters and more by Wu and Manber's search on blocks of two bytes: most positions are skipped.
 * Serves where WebAssembly's does not, and tests compare the two.
 */
export function makeWuManber(literals: readonly Literal[]): LineFinder {
  const tables = tablesOf(literals);
  const byLine: LineFinder['eachLine'] = (stretch, isAll, line) => {
    if (isAll) walkAll(tables, stretch, line);
    else walkHits(tables, stretch, line);
  };
  return { ground: null, shift: 0, eachLine: byLine, eachRecords: null };
}

/** Every occurrence within the stretch, in the order of their windows' ends, with the literal's number. */
export function scanAll(
  literals: readonly Literal[],
  stretch: Stretch,
  hit: (literal: number, at: number) => void,
): void {
  scan(tablesOf(literals), stretch, hit);
}

type Tables = {
  readonly folded: readonly Uint8Array[];
  readonly exact: readonly (Uint8Array | null)[];
  readonly window: number;
  readonly shift: Uint8Array;
  /** By the folded last block of the window: the first literal, and by literal the next one. */
  readonly first: Int32Array;
  readonly next: Int32Array;
};

function tablesOf(literals: readonly Literal[]): Tables {
  const exact = literals.map(({ text, isFolded }) => (isFolded ? null : Buffer.from(text, 'latin1')));
  const folded = literals.map(({ text }) => Uint8Array.from(text, (char) => fold(char.charCodeAt(0))));
  const window = Math.min(LONGEST, ...folded.map((bytes) => bytes.length));
  const shift = new Uint8Array(BLOCKS).fill(Math.max(1, window - 1));
  const first = new Int32Array(BLOCKS).fill(-1);
  const next = new Int32Array(literals.length).fill(-1);
  for (const [literal, bytes] of folded.entries()) {
    for (let i = 1; i < window; i++) {
      const far = window - 1 - i;
      for (const block of casesOf(bytes[i - 1] ?? 0, bytes[i] ?? 0)) {
        if (far < (shift[block] ?? 0)) shift[block] = far;
      }
    }
    const last = (bytes[window - 2] ?? 0) | ((bytes[window - 1] ?? 0) << 8);
    next[literal] = first[last] ?? -1;
    first[last] = literal;
  }
  return { folded, exact, window, shift, first, next };
}

/** The block's number in every mixture of cases. */
function casesOf(a: number, b: number): number[] {
  const both = (byte: number): number[] => (byte >= 97 && byte <= 122 ? [byte, byte - 32] : [byte]);
  return both(a).flatMap((low) => both(b).map((high) => low | (high << 8)));
}

function scan(tables: Tables, stretch: Stretch, hit: (literal: number, at: number) => void): void {
  const { folded, exact, window, shift, first, next } = tables;
  const { bytes, start, end } = stretch;
  if (folded.length === 0) return;
  for (let i = start + window - 1; i < end; ) {
    const a = bytes[i - 1] ?? 0;
    const b = bytes[i] ?? 0;
    const far = shift[a | (b << 8)] ?? 1;
    if (far > 0) {
      i += far;
      continue;
    }
    const at = i - window + 1;
    for (let n = first[fold(a) | (fold(b) << 8)] ?? -1; n >= 0; n = next[n] ?? -1) {
      const literal = exact[n] ?? folded[n];
      if (literal !== undefined && stands(literal, exact[n] === null, { bytes, start: at, end })) hit(n, at);
    }
    i++;
  }
}

function stands(literal: Uint8Array, isFolded: boolean, { bytes, start, end }: Stretch): boolean {
  if (start + literal.length > end) return false;
  for (let i = 0; i < literal.length; i++) {
    const byte = bytes[start + i] ?? 0;
    if ((isFolded ? fold(byte) : byte) !== literal[i]) return false;
  }
  return true;
}

/** Visits the lines with a hit only; where a line begins and ends is looked for there alone. */
function walkHits(tables: Tables, stretch: Stretch, line: FinderLine): void {
  const { bytes, start, end } = stretch;
  let from = -1;
  let to = start;
  scan(tables, stretch, (literal, at) => {
    if (at >= to) {
      if (from >= 0) line.visit(from, to);
      from = Math.max(start, bytes.lastIndexOf(10, at) + 1);
      to = lineEnd(bytes, at, end);
    }
    line.hit(literal);
  });
  if (from >= 0) line.visit(from, to);
}

function walkAll(tables: Tables, { bytes, start, end }: Stretch, line: FinderLine): void {
  for (let from = start; from < end; ) {
    const to = lineEnd(bytes, from, end);
    scan(tables, { bytes, start: from, end: to }, line.hit);
    line.visit(from, to);
    from = to + 1;
  }
}

function lineEnd(bytes: Uint8Array, at: number, end: number): number {
  const found = bytes.indexOf(10, at);
  return found < 0 || found > end ? end : found;
}
