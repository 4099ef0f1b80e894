import type { Repeat } from '../date/datepattern.ts';
import type { Filter, FilterState, LineOutcome } from '../types.ts';
import { type Plan, planOf } from './plan.ts';
import { compileSearches, type Search, type SharedMemory, type Subject } from './search.ts';

/** How to match a line; see ProcessOptions. */
export type LineContext = {
  mode: 'live' | 'catchup' | 'test';
  readonly findtime: number;
  now: number;
  /** All fields of a failure and its lines are needed. */
  readonly keepsFields: boolean;
  /** Try every regex, as in ProcessOptions. */
  readonly checkAll: boolean;
  /** The first failregex from this number on that may match; -1 if there is none. */
  nextRegex(from: number): number;
  /** Copies a part of the line. */
  copy(start: number, end: number): string;
  /**
   * The memory that holds the line's bytes, at their offset plus `origin`; null: regexes cannot be compiled
   * for it.
   */
  shared: SharedMemory | null;
  origin: number;
  /** There is no time limit. */
  isUnwatched: boolean;
};

/** A filter and the result of the last matchLine(). */
export type FastFilter = {
  readonly filter: Filter;
  readonly plan: Plan;
  readonly state: FilterState;
  /** `isCounted`: the date was found by findStamp(), which counted it. */
  readonly stamp: Repeat & { isCounted: boolean };
  /** The text for the regexes. */
  readonly subject: Subject;
  /** The search that matched prefregex. */
  prefixed: Search | null;
  /** The last date that was checked, and the `now` of that check. */
  judgedStamp: number;
  /** A date that processLine() has to check first. */
  pendingStamp: number;
  judgedNow: number;
  judgedMode: LineContext['mode'] | null;
  isOld: boolean;
  judgedTime: number;
  lastTime: number;
  /** The source provided the time; the line has no date to cut out. */
  isTimed: boolean;
  isPrefixed: boolean;
  /** Number of the failregex or ignoreregex that matched. */
  regex: number;
  /** Epoch seconds. */
  time: number;
  /** The address as an unsigned 32-bit number. */
  ip: number;
  /** The outcome of a line that was `judged`. */
  outcome: LineOutcome | null;
};

/** Searches before a regex is compiled, which takes a few milliseconds. */
const WORTH = 200;

/** Compiles frequently used regexes for the memory; call without a time limit. Returns their number. */
export function compileWanted({ plan }: FastFilter, shared: SharedMemory, worth: number = WORTH): number {
  return compileSearches(plan.searches, shared, worth);
}

/**
 * The fast matcher of a filter; null if it has none: several lines, ids that are not addresses, or regexes
 * that native ones cannot represent.
 */
export function makeFastFilter(filter: Filter, state: FilterState): FastFilter | null {
  const plan = planOf(filter);
  if (plan === null) return null;
  return {
    ...{ filter, plan, state, prefixed: null, outcome: null },
    stamp: { start: 0, end: 0, time: 0, text: null, isCounted: false },
    subject: { shared: null, from: 0, to: 0, text: '', isUnwatched: false },
    ...{ judgedStamp: Number.NaN, pendingStamp: Number.NaN, judgedNow: Number.NaN, judgedMode: null },
    ...{ isOld: false, judgedTime: 0, lastTime: 0, isTimed: false, isPrefixed: false },
    ...{ regex: 0, time: 0, ip: 0 },
  };
}
