import type { Expanded } from './tags.ts';
import type { Fold } from './tree.ts';

/** Python's inline flags in force at a place of the pattern. */
export type Flags = {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
};

/** A place in the pattern that moves on; one per parse. */
export type PatternReader = {
  readonly source: Expanded;
  pos: number;
  /** Number of groups opened so far. */
  groups: number;
  readonly names: Map<string, number>;
  /** Groups whose closing bracket was not met yet. */
  readonly open: Set<number>;
  /** Groups by number that a conditional named before they were opened, with the place. */
  readonly awaited: Map<number, number>;
  /** Flags that stand in the middle of the pattern and so hold for all of it. */
  global: Flags;
};

/** Starts reading with the flags that hold for the whole pattern. */
export function readerOf(source: Expanded, global: Flags): PatternReader {
  return {
    source,
    pos: 0,
    groups: 0,
    names: new Map(),
    open: new Set(),
    awaited: new Map(),
    global,
  };
}

/** The character (code point) at the place, '' at the end. */
export function peek(reader: PatternReader): string {
  const code = reader.source.text.codePointAt(reader.pos);
  return code === undefined ? '' : String.fromCodePoint(code);
}

/** Moves over one character and answers it, '' at the end. */
export function take(reader: PatternReader): string {
  const char = peek(reader);
  reader.pos += char.length;
  return char;
}

/** Moves over the text if it stands here. */
export function accept(reader: PatternReader, text: string): boolean {
  if (!reader.source.text.startsWith(text, reader.pos)) return false;
  reader.pos += text.length;
  return true;
}

/** Moves over what the sticky expression takes here; null when it takes nothing. */
export function acceptMatch(reader: PatternReader, sticky: RegExp): RegExpExecArray | null {
  sticky.lastIndex = reader.pos;
  const found = sticky.exec(reader.source.text);
  if (found !== null) reader.pos += found[0].length;
  return found;
}

/** The offset in the user's own text of a position in the expanded text. */
export function originOf(reader: PatternReader, pos: number): number {
  const { origins } = reader.source;
  return origins[pos] ?? (origins.at(-1) ?? -1) + 1;
}

/** An error at a position of the expanded text, told at the user's own offset. */
export function errorAt(reader: PatternReader, pos: number, message: string): RegexError {
  return new RegexError(message, originOf(reader, pos));
}

/** How letters compare under the flags. */
export function foldOf(flags: Flags): Fold {
  if (!flags.ignoreCase) return 'none';
  return flags.ascii ? 'ascii' : 'unicode';
}

/** A pattern that cannot be read or cannot be had; `offset` points into the pattern as the user wrote it. */
export class RegexError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'RegexError';
    this.offset = offset;
  }
}
