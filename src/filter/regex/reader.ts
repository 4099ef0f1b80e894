import type { Expanded } from './tags.ts';
import type { Fold } from './tree.ts';

/** Python's inline flags that apply at a place of the pattern. */
export type Flags = {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly verbose: boolean;
  readonly ascii: boolean;
};

/** A position in the pattern; one for each parse. */
export type PatternReader = {
  readonly source: Expanded;
  pos: number;
  /** Number of groups opened so far. */
  groups: number;
  readonly names: Map<string, number>;
  /** Groups that are not closed yet. */
  readonly open: Set<number>;
  /** Groups that a conditional refers to before they are opened, by number, with the offset. */
  readonly awaited: Map<number, number>;
  /** Flags in the middle of the pattern, which apply to all of it. */
  global: Flags;
};

/** Starts with the flags that apply to the whole pattern. */
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

/** The character (code point) at the position; '' at the end. */
export function peek(reader: PatternReader): string {
  const code = reader.source.text.codePointAt(reader.pos);
  return code === undefined ? '' : String.fromCodePoint(code);
}

/** Reads one character; '' at the end. */
export function take(reader: PatternReader): string {
  const char = peek(reader);
  reader.pos += char.length;
  return char;
}

/** Skips the text if it comes next. */
export function accept(reader: PatternReader, text: string): boolean {
  if (!reader.source.text.startsWith(text, reader.pos)) return false;
  reader.pos += text.length;
  return true;
}

/** Reads a match of the sticky regex; null if there is none. */
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

/** An error at a position of the expanded text, with the offset in the user's own text. */
export function errorAt(reader: PatternReader, pos: number, message: string): RegexError {
  return new RegexError(message, originOf(reader, pos));
}

/** How letters are compared under the flags. */
export function foldOf(flags: Flags): Fold {
  if (!flags.ignoreCase) return 'none';
  return flags.ascii ? 'ascii' : 'unicode';
}

/** A pattern that is invalid or unsupported; `offset` points into the pattern as the user wrote it. */
export class RegexError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'RegexError';
    this.offset = offset;
  }
}
