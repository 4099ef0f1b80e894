import type { Repeat } from '../date/datepattern.ts';
import type { Filter, FilterState, LineOutcome } from '../types.ts';
import { type Plan, planOf } from './plan.ts';
import { compileSearches, type Search, type SharedMemory, type Subject } from './search.ts';

/** How a line is to be looked at; see ProcessOptions. */
export type LineContext = {
  mode: 'live' | 'catchup' | 'test';
  readonly findtime: number;
  now: number;
  /** Somebody wants to know every field of a failure, and the lines. */
  readonly keepsFields: boolean;
  /** Every regex is to be tried, as processLine() does with that option. */
  readonly checkAll: boolean;
  /** The first failregex from this number on that may match, -1 for none. */
  nextRegex(from: number): number;
  /** The text of the line's part, one that may be kept. */
  copy(start: number, end: number): string;
  /** Where the line's bytes stand, null where regexes cannot be compiled for it: `origin` behind their place. */
  shared: SharedMemory | null;
  origin: number;
  /** Nobody watches the clock. */
  isUnwatched: boolean;
};

/** One filter's short way: matchLine() leaves in it what it found. */
export type FastFilter = {
  readonly filter: Filter;
  readonly plan: Plan;
  readonly state: FilterState;
  /** `isCounted`: it was found anew, and nothing of it is left to be noted. */
  readonly stamp: Repeat & { isCounted: boolean };
  /** What of the line the regexes see. */
  readonly subject: Subject;
  /** What searched for prefregex. */
  prefixed: Search | null;
  /** How the last date was judged, and as of when. */
  judgedStamp: number;
  /** The date that is to be judged the long way first. */
  pendingStamp: number;
  judgedNow: number;
  judgedMode: LineContext['mode'] | null;
  isOld: boolean;
  judgedTime: number;
  lastTime: number;
  /** The source said the time, and there is no date to be cut out. */
  isTimed: boolean;
  /** Whether prefregex matched. */
  isPrefixed: boolean;
  /** The number of the failregex, or of the ignoreregex, that matched. */
  regex: number;
  /** Epoch seconds. */
  time: number;
  /** Who failed, as an unsigned 32-bit number. */
  ip: number;
  /** Of a line that was `judged`. */
  outcome: LineOutcome | null;
};

/** So many searches with a regex are worth its compilation, some milliseconds. */
const WORTH = 200;

/** Compiles the regexes that are used much for the ground; not while the clock is watched. Answers how many. */
export function compileWanted({ plan }: FastFilter, shared: SharedMemory, worth: number = WORTH): number {
  return compileSearches(plan.searches, shared, worth);
}

/** The short way of a filter, or null when it has none: several lines, other ids than addresses, regexes that need a walk. */
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
