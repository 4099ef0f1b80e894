/**
 * The types of the room filter: a compiled filter, its state, a line and its outcome.
 *
 * All are plain readonly data except FilterState, which processLine() and the engine change. Times are epoch
 * seconds.
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

/** A regex of a filter, its number in the filter's list (from 0), and its place in the configuration. */
export type FilterRegex = { readonly index: number; readonly source: RegexSource; readonly regex: Failregex };

/** A compiled filter. It never changes; see FilterState. */
export type Filter = {
  readonly name: string;
  readonly usedns: UseDns;
  readonly prefregex: FilterRegex | null;
  readonly failregex: readonly FilterRegex[];
  readonly ignoreregex: readonly FilterRegex[];
  /** null = the default forms. */
  readonly datepattern: string | null;
  readonly logtimezone: string | null;
  /** If over 1, the regexes see a window of that many lines, and every line of the log must be processed. */
  readonly maxlines: number;
  /** The wrappings that it names; of its regexes, `^` stands for them. Empty: the regexes see the whole line. */
  readonly wrapping: readonly string[];
};

/** What a filter learns from a jail's lines; changed by processLine(). Bounded. */
export type FilterState = {
  readonly dates: Dates;
  /** Epoch seconds and text of the last date found. */
  lastTime: number | null;
  lastDate: string;
  /** The last lines, at most maxlines. */
  window: readonly WindowLine[];
  readonly sessions: Sessions;
};

/** A line without its newline. `time` in epoch seconds, if the source has one, as the journal does. */
export type LineInput = { readonly text: string; readonly time: number | null };

/**
 * `live`: dates more than 60 s off count as now. `catchup`: lines older than now - findtime are skipped.
 * `test`: dates are used as written. `checkAll` tries every regex on every line, as fail2ban-regex does.
 */
export type ProcessOptions = {
  readonly mode: 'live' | 'catchup' | 'test';
  /** Seconds; used by `catchup`. */
  readonly findtime: number;
  /** With `catchup`: the line was written within findtime, so that one without a date counts as of now. */
  readonly isFresh?: boolean;
  readonly checkAll?: boolean;
  /** Whether a failregex (by number) can match the line at all. Absent: all can. */
  readonly mayMatch?: (index: number) => boolean;
};

/**
 * A warning about a line's time. `seconds`: how far it is off (negative: in the past), 0 if the line has
 * none. `uncounted`: it matches, but does not count because it has no date.
 */
export type TimeWarning = {
  readonly kind: 'latency' | 'timezone' | 'old' | 'undated' | 'uncounted';
  readonly seconds: number;
};

export type LineOutcome = MatchResult & {
  /** Epoch seconds; null if the line has no date and none could be assumed. */
  readonly time: number | null;
  readonly warning: TimeWarning | null;
};

/** A failure. */
export type FilterFailure = {
  /** Number of the failregex, from 0. */
  readonly regex: number;
  /** Canonical for `ip` and `net`; for `dns` the name as in the log. */
  readonly id: string;
  readonly kind: Kind;
  /** Epoch seconds; null only in the mode `test`. */
  readonly time: number | null;
  /** Captures by name, including those of earlier lines of the session. */
  readonly fields: Fields;
  /** All users that the session named, in order. */
  readonly users: readonly string[];
  /** The whole lines of the failure. */
  readonly matches: readonly string[];
};

/**
 * The result of the regexes. `helper`: a failregex matched without a failure (yet). `ignored`: an ignoreregex
 * matched. `regex` is the first failregex that matched, or the ignoreregex for `ignored`; `hits` lists all
 * failregexes that matched.
 */
export type MatchResult = {
  readonly result: 'matched' | 'missed' | 'ignored' | 'helper' | 'old';
  readonly regex: number | null;
  readonly hits: readonly number[];
  readonly failures: readonly FilterFailure[];
  /** Hits that are not failures. */
  readonly helpers: readonly HelperHit[];
  /** A failregex matched, but does not count because the line has no date. */
  readonly isUncounted?: boolean;
  /** Whether prefregex matched, if there is one. */
  readonly isPrefixed: boolean;
};

/**
 * A match without a failure: `helper` by F-NOFAIL or by its session, `pending` until the session names an
 * address, `nobody` if it is a name and usedns does not allow names.
 */
export type HelperHit = {
  readonly regex: number;
  readonly kind: 'helper' | 'pending' | 'nobody';
  readonly fields: Fields;
};

/**
 * The verdict on a line. `general`: it needs processLine(). `judged`: the fast matcher found the match and
 * judgeMatch() built its outcome, because of a session, an id that is not an IPv4 address, or a caller that
 * needs all fields.
 */
export type LineVerdict = 'general' | 'judged' | 'old' | 'missed' | 'ignored' | 'helper' | 'matched';

/** A jail's filter, its state, and its options. */
export type Worker = {
  readonly jail: string;
  readonly filter: Filter;
  readonly state: FilterState;
  /** Seconds. */
  readonly findtime: number;
  /** The fields and lines of a failure are needed, not only address and time. */
  readonly keepsFields: boolean;
};

/**
 * Receives every line that matched a failregex or ignoreregex, and possibly others; `f2b regex` counts them.
 * Offsets are relative to the batch. Callbacks run within the time limit of a batch: one may be interrupted at any point and be
 * called again for the same line, so a change that is not made in one step has to stand being made twice.
 */
export type Survey = {
  readonly checkAll: boolean;
  /** Reports all lines to onLong(), including those that no regex can match. */
  readonly isEach?: boolean;
  /** Whether the line at `start` is a comment and not part of the log. */
  isComment(bytes: Uint8Array, start: number): boolean;
  /** Decodes a line that begins at `start`, for processLine(). */
  decode(bytes: Uint8Array, start: number): string;
  /** Called for a line that the fast matcher decided. */
  onShort(verdict: LineVerdict, found: ShortResult, start: number, end: number): void;
  onLong(outcome: LineOutcome, text: string, start: number, end: number): void;
  /**
   * Called if a regex (null: date, prefregex, ignoreregex) was not tried on the line because of its
   * quarantine.
   */
  onHeld?(regex: number | null, start: number): void;
  /** Number of lines that matched prefregex and nothing else. */
  onPrefixed(lines: number): void;
};

/** As in MatchResult. `time` in epoch seconds; `ip`: the address as an unsigned 32-bit number. */
type ShortResult = {
  readonly regex: number;
  readonly isPrefixed: boolean;
  readonly time: number;
  readonly ip: number;
};
