/**
 * The types that every part of the room filter shares: a compiled filter and what it learns, a line and what became of it.
 *
 * Plain readonly data but for FilterState, which processLine() and the engine change. Times are epoch seconds.
 *
 *     const failed = (outcome: LineOutcome): string[] => outcome.failures.map(({ id, kind }) => `${kind} ${id}`);
 */

import type { RegexSource, UseDns } from '../config/jail.ts';
import type { Dates } from './date/datepattern.ts';
import type { Fields } from './fields.ts';
import type { Kind } from './id.ts';
import type { Failregex } from './regex/failregex.ts';
import type { Sessions } from './session/sessions.ts';
import type { WindowLine } from './window.ts';

/** A regex of a filter together with its number in the filter's list (from 0) and where it was written. */
export type FilterRegex = { readonly index: number; readonly source: RegexSource; readonly regex: Failregex };

/** A compiled filter; it never changes, what it learns from lines is in a FilterState. */
export type Filter = {
  readonly name: string;
  readonly usedns: UseDns;
  readonly prefregex: FilterRegex | null;
  readonly failregex: readonly FilterRegex[];
  readonly ignoreregex: readonly FilterRegex[];
  /** null = the default forms. */
  readonly datepattern: string | null;
  readonly logtimezone: string | null;
  /** Over 1 the regexes see a window of that many lines, and every line of the log must be processed. */
  readonly maxlines: number;
};

/** What a filter learns from the lines of a jail; processLine() changes it. Bounded. */
export type FilterState = {
  readonly dates: Dates;
  /** Epoch seconds and text of the last date that was found. */
  lastTime: number | null;
  lastDate: string;
  /** The last lines, at most maxlines of them. */
  window: readonly WindowLine[];
  readonly sessions: Sessions;
};

/** A line without its newline; `time` (epoch seconds) where the source knows it, as the journal does. */
export type LineInput = { readonly text: string; readonly time: number | null };

/**
 * `live`: dates over 60 s off are read as now. `catchup`: lines older than now - findtime are skipped. `test`: dates
 * are taken as they stand. `checkAll` tries every regex on every line, as fail2ban-regex does.
 */
export type ProcessOptions = {
  readonly mode: 'live' | 'catchup' | 'test';
  /** Seconds; used by `catchup`. */
  readonly findtime: number;
  readonly checkAll?: boolean;
  /** Which failregexes (by number) can match at all, where somebody knows it already; all of them otherwise. */
  readonly mayMatch?: (index: number) => boolean;
};

/** What is odd about a line's time; `seconds` is how far it is off (negative: in the past), 0 where it has none. */
export type TimeWarning = {
  readonly kind: 'latency' | 'timezone' | 'old' | 'undated';
  readonly seconds: number;
};

/** What became of a line. */
export type LineOutcome = MatchResult & {
  /** Epoch seconds; null when the line has no date and none could be assumed. */
  readonly time: number | null;
  readonly warning: TimeWarning | null;
};

/** One failure that a line shows. */
export type FilterFailure = {
  /** Number of the failregex, from 0. */
  readonly regex: number;
  /** Canonical for `ip` and `net`; for `dns` the name as it stands in the log. */
  readonly id: string;
  readonly kind: Kind;
  /** Epoch seconds; null only in the mode `test`. */
  readonly time: number | null;
  /** Captures by name, those of earlier lines of the session included. */
  readonly fields: Fields;
  /** Every user that the session named, in order. */
  readonly users: readonly string[];
  /** The whole lines that show it. */
  readonly matches: readonly string[];
};

/**
 * What the regexes found. `helper`: a failregex matched, but nobody failed (yet). `ignored`: an ignoreregex matched.
 * `regex` is the first failregex that matched, or for `ignored` the ignoreregex; `hits` are all failregexes that did.
 */
export type MatchResult = {
  readonly result: 'matched' | 'missed' | 'ignored' | 'helper' | 'old';
  readonly regex: number | null;
  readonly hits: readonly number[];
  readonly failures: readonly FilterFailure[];
  /** The hits that are no failures. */
  readonly helpers: readonly HelperHit[];
  /** Whether prefregex matched, where there is one. */
  readonly isPrefixed: boolean;
};

/**
 * A match that shows no failure: a `helper` by F-NOFAIL or by its session, `pending` until the session says who it is,
 * `nobody` where a name is not wanted as an id.
 */
export type HelperHit = {
  readonly regex: number;
  readonly kind: 'helper' | 'pending' | 'nobody';
  readonly fields: Fields;
};

/**
 * What became of a line. `general`: processLine() has to take it; `judged`: it was found the short way and judged as ever, since
 * its session is known, or it names somebody by more than an IPv4 address, or somebody wants to know all of it.
 */
export type LineVerdict = 'general' | 'judged' | 'old' | 'missed' | 'ignored' | 'helper' | 'matched';

/** A jail's filter at work on a stream. */
export type Worker = {
  readonly jail: string;
  readonly filter: Filter;
  readonly state: FilterState;
  /** Seconds. */
  readonly findtime: number;
  /** A failure's fields and lines are wanted, not only who failed and when. */
  readonly keepsFields: boolean;
};

/**
 * Told by an engine of every line that matched a failregex or ignoreregex, and perhaps of others: `f2b regex` counts those. Offsets are
 * the batch's.
 */
export type Survey = {
  readonly checkAll: boolean;
  /** All lines are told by onLong(), also those that no regex can match. */
  readonly isEach?: boolean;
  /** Whether what begins there is no line of a log. */
  isComment(bytes: Uint8Array, start: number): boolean;
  /** The text of a line that goes the long way, and begins at `start`. */
  decode(bytes: Uint8Array, start: number): string;
  /** The line went the short way. */
  onShort(verdict: LineVerdict, found: ShortResult, start: number, end: number): void;
  onLong(outcome: LineOutcome, text: string, start: number, end: number): void;
  /** A regex (null = date, prefregex, ignoreregex) was not tried on the line, since it had been stuck on its like. */
  onHeld?(regex: number | null, start: number): void;
  /** So many lines matched prefregex and no more. */
  onPrefixed(lines: number): void;
};

/** As in MatchResult; `time` in epoch seconds, `ip` who failed, as an unsigned 32-bit number. */
type ShortResult = {
  readonly regex: number;
  readonly isPrefixed: boolean;
  readonly time: number;
  readonly ip: number;
};
