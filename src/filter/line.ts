/**
 * Matches one line against one filter: finds its date, checks the date, and runs the regexes on the rest.
 *
 * This is the reference: engine.ts and fast/ are faster and must give the same results. Never throws on a
 * line. What a filter learns from lines is in its FilterState, and bounded.
 *
 *     const state = newFilterState(filter);
 *     const outcome = processLine(filter, state, { text, time: null }, { mode: 'live', findtime: 600, now });
 */

import { compileDates, findStamp, TOLERANCE } from './date/datepattern.ts';
import { findFailures, MISSED } from './match.ts';
import { Sessions } from './session/sessions.ts';
import type { Filter, FilterState, LineInput, LineOutcome, ProcessOptions, TimeWarning } from './types.ts';
import type { WindowLine } from './window.ts';

/** The state of a filter before its first line. */
export function newFilterState(filter: Filter): FilterState {
  return {
    dates: compileDates(filter.datepattern, filter.logtimezone),
    lastTime: null,
    lastDate: '',
    window: [],
    sessions: new Sessions(),
  };
}

/** Matches one line as of `now` (epoch seconds). Never throws on a line. */
export function processLine(
  filter: Filter,
  state: FilterState,
  line: LineInput,
  options: ProcessOptions & { readonly now: number },
): LineOutcome {
  const outcome = processUncommitted(filter, state, line, options);
  state.sessions.commit();
  return outcome;
}

/**
 * Like processLine(), but changes of sessions are not carried out yet: an interrupted line may be matched
 * again. Call `state.sessions.commit()` when the outcome is safe.
 */
export function processUncommitted(
  filter: Filter,
  state: FilterState,
  line: LineInput,
  options: ProcessOptions & { readonly now: number },
): LineOutcome {
  const { mode, now } = options;
  state.sessions.rollBack();
  const dated = dateOf(state, line, now);
  let time = dated.time ?? (mode === 'live' || options.isFresh === true ? now : null);
  let warning: TimeWarning | null = null;
  if (time !== null && mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE) {
    const seconds = Math.trunc(time - now);
    warning = { kind: seconds < 0 && seconds >= -3300 ? 'latency' : 'timezone', seconds };
    time = now;
    state.lastTime = now;
  }
  if (time !== null && mode === 'catchup' && time < now - options.findtime) {
    return { ...MISSED, result: 'old', time, warning: { kind: 'old', seconds: Math.trunc(time - now) } };
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
  if (found.isUncounted === true && mode === 'catchup') warning = { kind: 'uncounted', seconds: 0 };
  if (isUndated && found.regex !== null) warning ??= { kind: 'undated', seconds: 0 };
  return { ...found, time: counted, warning };
}

type Dated = { readonly piece: WindowLine; readonly time: number | null; readonly hasDate: boolean };

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
  // An impossible date such as 0000-12-30 is cut out too.
  if (cut !== null) return { piece: cut, time: isRecent ? state.lastTime : null, hasDate: false };
  const piece = { before: '', date: isRecent ? state.lastDate : '', after: text };
  // The pattern matched an empty date: it asks for none.
  if (found !== null && cut === null) return { piece, time: isRecent ? state.lastTime : now, hasDate: true };
  return { piece, time: isRecent ? state.lastTime : null, hasDate: false };
}

function cutOut(text: string, span: { readonly start: number; readonly end: number }): WindowLine {
  const { start, end } = span;
  return { before: text.slice(0, start), date: text.slice(start, end), after: text.slice(end) };
}
