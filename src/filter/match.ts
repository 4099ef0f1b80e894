import { type Fields, readFields } from './fields.ts';
import { identify } from './id.ts';
import { type Failregex, isAsciiText, type Match, matchText } from './regex/failregex.ts';
import { copyGathered, type Gathered, gather, isMarked, mergeSession } from './session/sessions.ts';
import type { Filter, FilterFailure, FilterRegex, FilterState, HelperHit, MatchResult } from './types.ts';
import { matchedText, splitWindow, type WindowLine, wholeText } from './window.ts';

/** How to match a line. `mayBeUndated`: a line without any date can be a failure. */
export type Look = {
  readonly time: number | null;
  readonly now: number;
  readonly checkAll: boolean;
  readonly mayBeUndated: boolean;
  readonly mayMatch: ((index: number) => boolean) | null;
};

/** No regex matched. */
export const MISSED: MatchResult = {
  result: 'missed',
  regex: null,
  hits: [],
  failures: [],
  helpers: [],
  isPrefixed: false,
};
const MISSED_BEHIND_PREFIX: MatchResult = { ...MISSED, isPrefixed: true };

function ignoredResult(regex: FilterRegex, isPrefixed: boolean): MatchResult {
  return { ...MISSED, result: 'ignored', regex: regex.index, isPrefixed };
}

/** A text and whether it is ASCII, which is checked once for many regexes. */
type MatchSubject = { readonly text: string; readonly isAscii: boolean };

function subjectOf(text: string): MatchSubject {
  return { text, isAscii: isAsciiText(text) };
}

function matchSubject(regex: Failregex, subject: MatchSubject): Match | null {
  return matchText(regex, subject.text, subject.isAscii);
}

function findIgnore(filter: Filter, subject: MatchSubject): FilterRegex | null {
  return filter.ignoreregex.find(({ regex }) => matchSubject(regex, subject) !== null) ?? null;
}

/**
 * Whether ignoreregexes run first. fail2ban runs a few before many failregexes; otherwise only on lines that
 * match.
 */
export function ignoresFirst({ ignoreregex, failregex }: Filter): boolean {
  return ignoreregex.length > 0 && ignoreregex.length < failregex.length - 2;
}

/** Runs the regexes on a dated line, and on the lines before it if maxlines is over 1. */
export function findFailures(filter: Filter, state: FilterState, piece: WindowLine, look: Look): MatchResult {
  const window = filter.maxlines > 1 ? [...state.window, piece].slice(-filter.maxlines) : [piece];
  state.window = filter.maxlines > 1 ? window : [];
  let subject = subjectOf(matchedText(window));
  if (ignoresFirst(filter)) {
    const ignore = findIgnore(filter, subject);
    if (ignore !== null) return ignoredResult(ignore, false);
  }
  let inherited: Fields | null = null;
  if (filter.prefregex !== null) {
    const { regex } = filter.prefregex;
    const match = matchSubject(regex, subject);
    if (match === null) return MISSED;
    inherited = readFields(regex, match, null);
    const content = inherited.get('content');
    inherited.delete('content');
    if (typeof content === 'string' && content !== '') {
      if (filter.maxlines > 1) state.window = [{ before: '', date: '', after: content }];
      subject = subjectOf(`${content}\n`);
    }
  }
  return tryAll({ filter, state, window, look, inherited }, subject);
}

type Attempt = {
  readonly filter: Filter;
  readonly state: FilterState;
  readonly window: readonly WindowLine[];
  readonly look: Look;
  readonly inherited: Fields | null;
};

function tryAll(attempt: Attempt, start: MatchSubject): MatchResult {
  const { filter, state, window, look } = attempt;
  const isMulti = filter.maxlines > 1;
  const hits: number[] = [];
  const failures: FilterFailure[] = [];
  const helpers: HelperHit[] = [];
  const isPrefixed = filter.prefregex !== null;
  let subject = start;
  let ignored: FilterRegex | null = null;
  let isUncounted = false;
  for (const { index, regex } of filter.failregex) {
    if (look.mayMatch !== null && !look.mayMatch(index)) continue;
    const match = matchSubject(regex, subject);
    if (match === null) continue;
    const { matched, unmatched } = splitWindow(window, subject.text, regex, match);
    const ignore = findIgnore(filter, isMulti ? subjectOf(matchedText(matched)) : subject);
    if (ignore !== null) {
      ignored ??= ignore;
      if (isMulti) state.window = unmatched;
      if (!look.checkAll) break;
      if (isMulti) subject = subjectOf(matchedText(unmatched));
      continue;
    }
    if (look.time === null && !look.mayBeUndated) {
      isUncounted = true;
      continue;
    }
    hits.push(index);
    if (isMulti) {
      state.window = unmatched;
      subject = subjectOf(matchedText(unmatched));
    }
    const judged = judgeMatch(attempt, { index, regex, match, lines: matched.map(wholeText) });
    if ('id' in judged) failures.push(judged);
    else helpers.push(judged);
    if (!look.checkAll) break;
  }
  const [first] = hits;
  if (first !== undefined) {
    const isHelper = failures.length === 0;
    const regex = failures[0]?.regex ?? first;
    return { result: isHelper ? 'helper' : 'matched', regex, hits, failures, helpers, isPrefixed };
  }
  if (ignored !== null) return ignoredResult(ignored, isPrefixed);
  const missed = isPrefixed ? MISSED_BEHIND_PREFIX : MISSED;
  return isUncounted ? { ...missed, isUncounted } : missed;
}

type Hit = {
  readonly index: number;
  readonly regex: Failregex;
  readonly match: Match;
  readonly lines: readonly string[];
};

/** Turns a match of a failregex into a failure or helper hit, with the other lines of its session. */
export function judgeMatch(attempt: Attempt, hit: Hit): FilterFailure | HelperHit {
  const { filter, state, look, inherited } = attempt;
  const fields = readFields(hit.regex, hit.match, inherited);
  const session = fields.get('mlfid');
  const gathered: Gathered =
    typeof session === 'string'
      ? mergeSession(state.sessions, { id: session, fields, lines: hit.lines }, look.now)
      : gather(fields, hit.lines);
  const isHelper = isMarked(gathered.fields, 'nofail');
  const helper = (kind: HelperHit['kind']): HelperHit => ({
    regex: hit.index,
    kind,
    fields: look.checkAll ? new Map(gathered.fields) : gathered.fields,
  });
  if (isHelper && !look.checkAll) return helper('helper');
  const who = identify(gathered.fields, filter.usedns);
  if (who === 'pending') gathered.isPending = true;
  if (isHelper) return helper('helper');
  if (who === 'pending' || who === 'nobody') return helper(who);
  const { fields: known, matches, users } = session === undefined ? gathered : copyGathered(gathered);
  return { regex: hit.index, ...who, time: look.time, fields: known, users: [...(users ?? [])], matches };
}
