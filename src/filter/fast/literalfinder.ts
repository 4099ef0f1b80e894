import type { Ground } from './search.ts';

/** A text of ASCII characters that a line may hold; `isFolded`: in letters of any case. */
export type Literal = { readonly text: string; readonly isFolded: boolean };

/** Whole lines, `bytes[start..end)`, each ended by a newline. */
export type Stretch = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** What is told of each line: the numbers of the literals in it (once or more), then its bounds without the newline. */
export type FinderLine = { hit(literal: number): void; visit(start: number, end: number): void };

/**
 * Tells of many lines at a time by records in the ground's memory, from address `first` to `last`: start, end, how many literals, and
 * their numbers.
 */
export type RecordTeller = (
  stretch: Stretch,
  isAll: boolean,
  told: (first: number, last: number) => void,
) => void;

/** Finds in one pass which of many literals the lines hold. */
export type LineFinder = {
  /** Within eachLine(): where the stretch's bytes stand, so far before their place in the stretch; null: nowhere. */
  ground: Ground | null;
  shift: number;
  /** Tells the lines that hold a literal, or with `isAll` every line, in order. */
  eachLine(stretch: Stretch, isAll: boolean, line: FinderLine): void;
  /** The same in records, where it can. */
  readonly eachRecords: RecordTeller | null;
};
