import { type Fields, readFields } from './fields.ts';
import { identify } from './id.ts';
import { type Failregex, isAsciiText, type Match, matchText } from './regex/failregex.ts';
import { copyGathered, type Gathered, gather, isMarked, mergeSession } from './session/sessions.ts';
import type { Filter, FilterFailure, FilterRegex, FilterState, Found, HelperHit } from './types.ts';
import { matchedText, type Piece, splitWindow, wholeText } from './window.ts';

/** How a line is to be looked at; `mayBeUndated` lets a line without any date be a failure. */
export type Look = {
  readonly time: number | null;
  readonly now: number;
  readonly checkAll: boolean;
  readonly mayBeUndated: boolean;
  readonly mayMatch: ((index: number) => boolean) | null;
};

const MISSED: Found = {
  result: 'missed',
  regex: null,
  hits: [],
  failures: [],
  helpers: [],
  isPrefixed: false,
};
const MISSED_BEHIND_PREFIX: Found = { ...MISSED, isPrefixed: true };

function ignoredBy(regex: FilterRegex, isPrefixed: boolean): Found {
  return { ...MISSED, result: 'ignored', regex: regex.index, isPrefixed };
}

/** Texts are matched against many regexes; the form to use is found once. */
type Subject = { readonly text: string; readonly isAscii: boolean };

function subjectOf(text: string): Subject {
  return { text, isAscii: isAsciiText(text) };
}

function search(regex: Failregex, subject: Subject): Match | null {
  return matchText(regex, subject.text, subject.isAscii);
}

function findIgnore(filter: Filter, subject: Subject): FilterRegex | null {
  return filter.ignoreregex.find(({ regex }) => search(regex, subject) !== null) ?? null;
}

/** Runs the regexes over a dated line (and the lines before it where maxlines is over 1). */
export function findFailures(filter: Filter, state: FilterState, piece: Piece, look: Look): Found {
  const window = filter.maxlines > 1 ? [...state.window, piece].slice(-filter.maxlines) : [piece];
  state.window = filter.maxlines > 1 ? window : [];
  let subject = subjectOf(matchedText(window));
  // fail2ban looks at few ignoreregexes before many failregexes, else only at what matched.
  if (filter.ignoreregex.length > 0 && filter.ignoreregex.length < filter.failregex.length - 2) {
    const ignore = findIgnore(filter, subject);
    if (ignore !== null) return ignoredBy(ignore, false);
  }
  let inherited: Fields | null = null;
  if (filter.prefregex !== null) {
    const { regex } = filter.prefregex;
    const match = search(regex, subject);
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
  readonly window: readonly Piece[];
  readonly look: Look;
  readonly inherited: Fields | null;
};

function tryAll(attempt: Attempt, start: Subject): Found {
  const { filter, state, window, look } = attempt;
  const isMulti = filter.maxlines > 1;
  const hits: number[] = [];
  const failures: FilterFailure[] = [];
  const helpers: HelperHit[] = [];
  const isPrefixed = filter.prefregex !== null;
  let subject = start;
  let ignored: FilterRegex | null = null;
  for (const { index, regex } of filter.failregex) {
    if (look.mayMatch !== null && !look.mayMatch(index)) continue;
    const match = search(regex, subject);
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
    if (look.time === null && !look.mayBeUndated) continue;
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
  if (ignored !== null) return ignoredBy(ignored, isPrefixed);
  return isPrefixed ? MISSED_BEHIND_PREFIX : MISSED;
}

type Hit = {
  readonly index: number;
  readonly regex: Failregex;
  readonly match: Match;
  readonly lines: readonly string[];
};

/** Says what a match of a failregex shows, its session's lines considered. */
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
