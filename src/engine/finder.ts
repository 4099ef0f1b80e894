/**
 * Finds which of many literals occur where in a stretch of bytes, case folded, in one pass: Wu and Manber's search on
 * blocks of two bytes. Most positions are skipped, so that a log without candidates costs little more than reading it.
 */
export type Finder = {
  /** Calls `hit` for every occurrence within bytes[start..end), in the order of their ends, with the literal's number. */
  scan(bytes: Uint8Array, start: number, end: number, hit: (literal: number, at: number) => void): void;
};

const BLOCKS = 65536;
/** Literals are compared whole, but looked for by so many bytes at the most. */
const LONGEST = 16;

/** The lower-case form of an ASCII byte. */
function fold(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/** Makes a finder; every literal is ASCII and has at least two characters. */
export function makeFinder(literals: readonly string[]): Finder {
  const folded = literals.map((text) => Uint8Array.from(text, (char) => fold(char.charCodeAt(0))));
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
  return {
    scan: (bytes, start, end, hit) =>
      scan({ folded, window, shift, first, next }, { bytes, start, end }, hit),
  };
}

/** The block's number in every mixture of cases. */
function casesOf(a: number, b: number): number[] {
  const both = (byte: number): number[] => (byte >= 97 && byte <= 122 ? [byte, byte - 32] : [byte]);
  return both(a).flatMap((low) => both(b).map((high) => low | (high << 8)));
}

type Tables = {
  readonly folded: readonly Uint8Array[];
  readonly window: number;
  readonly shift: Uint8Array;
  /** By the folded last block of the window: the first literal, and by literal the next one. */
  readonly first: Int32Array;
  readonly next: Int32Array;
};

type Stretch = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

function scan(tables: Tables, stretch: Stretch, hit: (literal: number, at: number) => void): void {
  const { folded, window, shift, first, next } = tables;
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
      const literal = folded[n];
      if (literal !== undefined && stands(literal, bytes, at, end)) hit(n, at);
    }
    i++;
  }
}

function stands(literal: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (at + literal.length > end) return false;
  for (let i = 0; i < literal.length; i++) if (fold(bytes[at + i] ?? 0) !== literal[i]) return false;
  return true;
}
