import { compileDates, type Dates, findStamp } from '../datepattern.ts';
import type { Filter } from '../filter.ts';
import { type Found, findFailures } from './find.ts';
import { Sessions } from './sessions.ts';
import type { Piece } from './window.ts';

export type { FilterFailure, HelperHit } from './find.ts';

/** What a filter learns from the lines of a jail; processLine() changes it. Bounded. */
export type FilterState = {
  readonly dates: Dates;
  /** Epoch seconds and text of the last date that was found. */
  lastTime: number | null;
  lastDate: string;
  /** The last lines, at most maxlines of them. */
  window: readonly Piece[];
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
export type Outcome = Found & {
  /** Epoch seconds; null when the line has no date and none could be assumed. */
  readonly time: number | null;
  readonly warning: TimeWarning | null;
};

/** The state of a filter that has seen nothing. */
export function newFilterState(filter: Filter): FilterState {
  return {
    dates: compileDates(filter.datepattern, filter.logtimezone),
    lastTime: null,
    lastDate: '',
    window: [],
    sessions: new Sessions(),
  };
}

const OLD: Found = {
  result: 'old',
  regex: null,
  hits: [],
  failures: [],
  helpers: [],
  isPrefixed: false,
};
/** A date that is more off than this is an error in operation, and a last known date no longer serves. */
const TOLERANCE = 60;

/** Takes one line through the filter as of `now` (epoch seconds). Never throws on a line. */
export function processLine(
  filter: Filter,
  state: FilterState,
  line: LineInput,
  options: ProcessOptions & { readonly now: number },
): Outcome {
  const outcome = takeLine(filter, state, line, options);
  state.sessions.commit();
  return outcome;
}

/**
 * As processLine(), but what becomes of sessions is only noted: a line that is interrupted may be taken again. Call
 * `state.sessions.commit()` when the outcome is safe.
 */
export function takeLine(
  filter: Filter,
  state: FilterState,
  line: LineInput,
  options: ProcessOptions & { readonly now: number },
): Outcome {
  const { mode, now } = options;
  state.sessions.rollBack();
  const dated = dateOf(state, line, now);
  let time = dated.time ?? (mode === 'live' ? now : null);
  let warning: TimeWarning | null = null;
  if (time !== null && mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE) {
    const seconds = Math.trunc(time - now);
    warning = { kind: seconds < 0 && seconds >= -3300 ? 'latency' : 'timezone', seconds };
    time = now;
    state.lastTime = now;
  }
  if (time !== null && mode === 'catchup' && time < now - options.findtime) {
    return { ...OLD, time, warning: { kind: 'old', seconds: Math.trunc(time - now) } };
  }
  const isUndated = !dated.hasDate;
  const counted = time !== null && mode !== 'test' && time > now ? now : time;
  const found = findFailures(filter, state, dated.piece, {
    time: counted,
    now,
    checkAll: options.checkAll === true,
    mayBeUndated: mode === 'test',
    mayMatch: options.mayMatch ?? null,
  });
  if (isUndated && found.regex !== null) warning ??= { kind: 'undated', seconds: 0 };
  return { ...found, time: counted, warning };
}

type Dated = { readonly piece: Piece; readonly time: number | null; readonly hasDate: boolean };

function dateOf(state: FilterState, line: LineInput, now: number): Dated {
  const { text } = line;
  if (line.time !== null) {
    state.lastTime = line.time;
    state.lastDate = '';
    return { piece: { before: '', date: '', after: text }, time: line.time, hasDate: true };
  }
  const found = findStamp(state.dates, text, now);
  const cut = found === null || found.end === found.start ? null : cutOut(text, found);
  if (cut !== null && found !== null && found.time !== null) {
    state.lastTime = found.time;
    state.lastDate = cut.date;
    return { piece: cut, time: found.time, hasDate: true };
  }
  const isRecent = state.lastTime !== null && state.lastTime > now - TOLERANCE;
  // A date that is none, such as 0000-12-30, is cut out all the same unless a known one stands in for it.
  if (cut !== null && !isRecent) return { piece: cut, time: null, hasDate: false };
  const piece = { before: '', date: isRecent ? state.lastDate : '', after: text };
  // An empty date is one that the pattern does not ask for.
  if (found !== null && cut === null) return { piece, time: isRecent ? state.lastTime : now, hasDate: true };
  return { piece, time: isRecent ? state.lastTime : null, hasDate: false };
}

function cutOut(text: string, span: { readonly start: number; readonly end: number }): Piece {
  const { start, end } = span;
  return { before: text.slice(0, start), date: text.slice(start, end), after: text.slice(end) };
}
