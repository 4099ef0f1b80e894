/**
 * One line through one filter: finds its date, says what is odd about that, and has the regexes look at the rest.
 *
 * The plain way, and the reference: whatever is faster (engine.ts, fast/) says what processLine() says. Never throws on a line; what a
 * filter learns from lines is in its FilterState and bounded.
 *
 *     const outcome = processLine(filter, newFilterState(filter), { text, time: null }, { mode: 'live', findtime: 600, now });
 */

import { compileDates, findStamp, TOLERANCE } from './date/datepattern.ts';
import { findFailures, MISSED } from './match.ts';
import { Sessions } from './session/sessions.ts';
import type { Filter, FilterState, LineInput, LineOutcome, ProcessOptions, TimeWarning } from './types.ts';
import type { WindowLine } from './window.ts';

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

/** Takes one line through the filter as of `now` (epoch seconds). Never throws on a line. */
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
 * As processLine(), but what becomes of sessions is only noted: a line that is interrupted may be taken again. Call
 * `state.sessions.commit()` when the outcome is safe.
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
  let time = dated.time ?? (mode === 'live' ? now : null);
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
  // A date that is none, such as 0000-12-30, is cut out all the same unless a known one stands in for it.
  if (cut !== null && !isRecent) return { piece: cut, time: null, hasDate: false };
  const piece = { before: '', date: isRecent ? state.lastDate : '', after: text };
  // An empty date is one that the pattern does not ask for.
  if (found !== null && cut === null) return { piece, time: isRecent ? state.lastTime : now, hasDate: true };
  return { piece, time: isRecent ? state.lastTime : null, hasDate: false };
}

function cutOut(text: string, span: { readonly start: number; readonly end: number }): WindowLine {
  const { start, end } = span;
  return { before: text.slice(0, start), date: text.slice(start, end), after: text.slice(end) };
}
