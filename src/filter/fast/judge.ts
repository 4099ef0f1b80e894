/**
 * The fast matcher for one line. It handles nearly all lines that match: the date is that of the line before,
 * native regexes suffice, and the offender is an IPv4 address. It gives the same result as processLine() at a
 * fifth of the cost, since it builds no fields, results or sessions unless the caller needs them. Lines it
 * cannot decide are left to processLine(); nothing has changed then.
 */

import { asciiText } from '../ascii.ts';
import {
  countRepeat,
  countRepeats,
  type DatePlace,
  findRepeat,
  findStamp,
  newDate,
  type Repeat,
  TOLERANCE,
  undoStamp,
} from '../date/datepattern.ts';
import { type Fields, readFields } from '../fields.ts';
import { judgeMatch } from '../match.ts';
import type { IdPlace, PlainLine } from '../session/sessions.ts';
import type { LineVerdict } from '../types.ts';
import type { FastFilter, LineContext } from './fastfilter.ts';
import type { Plan, PlannedRegex } from './plan.ts';
import {
  ALT_USER,
  CONTENT,
  endOf,
  groupPlace,
  groupsOf,
  ip4Of,
  isSet,
  MLFFORGET,
  MLFGAINED,
  MLFID,
  NOFAIL,
  narrow,
  type Search,
  search,
  subjectLength,
  USER,
} from './search.ts';
import * as layout from './wasm/layout.ts';

/** Characters. Searching for a date in a line of 64,000 takes up to 0.4 s, which needs a time limit. */
const LONG_LINE = 1024;
const NEWLINE = 10;

const noPlace = (): IdPlace => ({ codes: new Uint8Array(0), from: 0, to: 0 });

/** Reused: written and read in each call. */
const part = noPlace();
const line: PlainLine = {
  ...{ id: part, user: noPlace(), text: noPlace(), userAt: -1, ip: -1 },
  ...{ isHelper: false, isGained: false, isForgotten: false },
};

/** Matches prefregex against the rest of the line; the subject becomes the text for the failregexes. */
function matchPrefix(fast: FastFilter): boolean {
  const { plan, subject } = fast;
  const { head, prefix } = plan;
  if (prefix === null) return true;
  if (head !== null) {
    fast.prefixed = head;
    if (!search(head, subject)) return false;
    const end = endOf(head, subject);
    if (end < subjectLength(subject) - 1) {
      narrow(subject, end);
      return true;
    }
  }
  fast.prefixed = prefix.search;
  if (!search(prefix.search, subject)) return false;
  if (!groupPlace(prefix.search, CONTENT, part) || part.from === part.to) return true;
  const { codes, from, to } = part;
  const isTail = plan.isContentTail && codes[to - 1] !== NEWLINE;
  if (isTail) narrow(subject, subjectLength(subject) - (to - from) - 1);
  else {
    Object.assign(subject, { shared: null, text: `${asciiText(codes, from, to)}\n` });
  }
  return true;
}

/**
 * Matches an ASCII line; the result is in `fast`. `time` (epoch seconds) is set if the source provides it.
 * The line may be matched again, since only commitFast() makes changes that matter. Throws UNWATCHED if the
 * line needs a time limit.
 */
export function matchLine(
  fast: FastFilter,
  place: DatePlace,
  look: LineContext,
  time: number | null,
): LineVerdict {
  const { plan, state, stamp } = fast;
  const { now } = look;
  fast.isTimed = time !== null;
  state.sessions.rollBack();
  stamp.isCounted = false;
  if (time !== null) Object.assign(stamp, { start: place.start, end: place.start, time, text: null });
  else if (!findRepeat(state.dates, place, now, stamp) && !findNew(fast, place, look)) return 'general';
  if (!judgeTime(fast, look)) {
    if (stamp.isCounted) undoStamp(state.dates);
    return 'general';
  }
  if (fast.isOld) return 'old';
  const { subject } = fast;
  setSubject(fast, place, look);
  if (plan.ignoresFirst && isIgnored(fast)) {
    fast.isPrefixed = false;
    return 'ignored';
  }
  fast.isPrefixed = matchPrefix(fast) && plan.prefix !== null;
  if (plan.prefix !== null && !fast.isPrefixed) return 'missed';
  for (let index = look.nextRegex(0); index >= 0; index = look.nextRegex(index + 1)) {
    const planned = plan.regexes[index];
    if (planned === undefined) break;
    if (!search(planned.search, subject)) continue;
    if (!plan.ignoresFirst && plan.ignores.length > 0 && isIgnored(fast)) return 'ignored';
    if (look.checkAll && matchesMore(fast, index, look)) {
      if (stamp.isCounted) undoStamp(state.dates);
      return 'general';
    }
    fast.regex = index;
    return judgeFound(fast, planned, look, place);
  }
  return 'missed';
}

/**
 * Finds a date that differs from the last one. False: use processLine(). Custom patterns may explode and need
 * a time limit.
 */
function findNew(
  { state, stamp }: FastFilter,
  { start, end }: DatePlace,
  { now, copy }: LineContext,
): boolean {
  const { dates } = state;
  if (!dates.choice.isDefault || end - start >= LONG_LINE) return false;
  const line = copy(start, end);
  const found = findStamp(dates, line, now, true);
  if (found === null) return false;
  if (found.time === null) {
    undoStamp(dates);
    return false;
  }
  state.lastDate = line.slice(found.start, found.end);
  Object.assign(stamp, { start: start + found.start, end: start + found.end, time: found.time, text: null });
  stamp.isCounted = true;
  return true;
}

function matchesMore({ plan, subject }: FastFilter, first: number, look: LineContext): boolean {
  for (let index = look.nextRegex(first + 1); index >= 0; index = look.nextRegex(index + 1)) {
    const planned = plan.regexes[index];
    if (planned !== undefined && search(planned.search, subject)) return true;
  }
  return false;
}

/** Carries out the changes of matchLine(), unless it returned `general`. May be interrupted and called again. */
export function commitFast({ state, stamp, isTimed }: FastFilter, place: DatePlace): void {
  state.sessions.commit();
  if (isTimed) {
    state.lastDate = '';
    return;
  }
  if (stamp.text !== null) state.lastDate = newDate(state.dates, stamp) ?? state.lastDate;
  if (!stamp.isCounted) countRepeat(state.dates, place, stamp);
}

/**
 * Checks the date like processLine(). False if processLine() has to report a warning for it; after
 * confirmDate() the same date is accepted.
 */
function judgeTime(fast: FastFilter, { mode, now, findtime }: LineContext): boolean {
  const { stamp, state } = fast;
  const { time } = stamp;
  if (time === fast.judgedStamp && now === fast.judgedNow && mode === fast.judgedMode) {
    // Another line, from another source or the batch matcher, may have changed it.
    state.lastTime = fast.lastTime;
    fast.time = fast.judgedTime;
    return true;
  }
  const isOff = mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE;
  fast.isOld = mode === 'catchup' && time < now - findtime;
  fast.judgedTime = isOff || (mode !== 'test' && time > now) ? now : time;
  fast.time = fast.judgedTime;
  fast.judgedStamp = Number.NaN;
  fast.judgedNow = now;
  fast.judgedMode = mode;
  fast.lastTime = isOff ? now : time;
  fast.pendingStamp = time;
  if (isOff || fast.isOld) return false;
  fast.judgedStamp = time;
  state.lastTime = time;
  return true;
}

/**
 * Call when processLine() has handled a line for which matchLine() returned `general`: its date was reported.
 */
export function confirmDate(fast: FastFilter): void {
  fast.judgedStamp = fast.pendingStamp;
  fast.pendingStamp = Number.NaN;
}

/** Sets the subject to the line without its date; in the shared memory if the line is there and short. */
function setSubject({ subject, stamp }: FastFilter, place: DatePlace, look: LineContext): void {
  const { shared, origin } = look;
  const { start, end } = place;
  const before = stamp.start - start;
  subject.shared = shared;
  subject.text = null;
  subject.isUnwatched = look.isUnwatched;
  if (shared === null || end - start >= layout.MOST_TEXT) {
    subject.shared = null;
    subject.text = textWithout(place, stamp, look);
  } else if (before === 0) {
    subject.from = origin + stamp.end;
    subject.to = origin + end + 1;
  } else {
    const { bytes, text } = shared;
    bytes.copyWithin(text, origin + start, origin + stamp.start);
    bytes.copyWithin(text + before, origin + stamp.end, origin + end + 1);
    subject.from = text;
    subject.to = text + before + end + 1 - stamp.end;
  }
}

function textWithout({ start, end }: DatePlace, stamp: Repeat, look: LineContext): string {
  const after = look.copy(stamp.end, end + 1);
  return stamp.start === start ? after : look.copy(start, stamp.start) + after;
}

function isIgnored(fast: FastFilter): boolean {
  const { ignores } = fast.plan;
  for (let i = 0; i < ignores.length; i++) {
    const ignore = ignores[i];
    if (ignore === undefined || !search(ignore, fast.subject)) continue;
    fast.regex = i;
    return true;
  }
  return false;
}

/** Writes the bounds of the session's id to `part`; false if there is none. */
function findSession({ plan, prefixed }: FastFilter, { hasSession, search: found }: PlannedRegex): boolean {
  if (hasSession) return groupPlace(found, MLFID, part);
  return plan.hasPrefixSession && prefixed !== null && groupPlace(prefixed, MLFID, part);
}

/** The IPv4 address of the offender; -1 if the line has none, null if it is another kind of id. */
function failedAddress(
  { prefixed, plan }: FastFilter,
  { hasId, isOdd, search: found }: PlannedRegex,
): number | null {
  if (isOdd) return null;
  if (hasId) return ip4Of(found);
  return prefixed === null || !plan.hasPrefixId ? -1 : ip4Of(prefixed);
}

function judgeFound(
  fast: FastFilter,
  planned: PlannedRegex,
  look: LineContext,
  place: DatePlace,
): LineVerdict {
  const hasSession = findSession(fast, planned);
  const isGained = hasSession && isSet(planned.search, MLFGAINED);
  const isHelper = isGained || isSet(planned.search, NOFAIL);
  // With checkAll a helper without an address waits for one.
  const isAsked = !isHelper || look.checkAll;
  if (!hasSession && !isAsked) return 'helper';
  if (look.keepsFields) return judgeWithFields(fast, planned, look, place);
  const ip = failedAddress(fast, planned);
  if (ip === null || (ip < 0 && !hasSession)) return judgeWithFields(fast, planned, look, place);
  fast.ip = ip;
  if (!hasSession) return isHelper ? 'helper' : 'matched';
  findUser(planned.search);
  Object.assign(line, { ip, isHelper, isGained, isForgotten: isSet(planned.search, MLFFORGET) });
  return followSession(fast, look, place) ?? judgeWithFields(fast, planned, look, place);
}

/** Writes the bounds of the user name to `line`. */
function findUser(found: Search): void {
  const { user } = line;
  if (groupPlace(found, USER, user) && user.to > user.from) return;
  if (!groupPlace(found, ALT_USER, user)) user.to = user.from;
}

/** Applies `line`, whose id is `part`, to its session; null if the session is not plain. */
function followSession(fast: FastFilter, { now, checkAll, shared, origin }: LineContext, place: DatePlace) {
  const { plan, state, stamp } = fast;
  const { text, user } = line;
  text.codes = place.codes;
  text.from = stamp.end;
  const begins = plan.isIdFirst && stamp.start === place.start;
  text.to = begins ? place.end + 1 : text.from;
  const isThere = shared !== null && user.codes === shared.bytes && begins;
  line.userAt = isThere ? user.from - origin - text.from : -1;
  const verdict = state.sessions.followPlain(line, now, checkAll);
  fast.ip = state.sessions.ip;
  return verdict;
}

type Groups = readonly (string | undefined)[];

/** The address of an entry of drive(). `isIntact`: its captures have not been overwritten. */
export type Entry = { words: Int32Array; at: number; isIntact: boolean };

/**
 * Judges a line that the batch matcher found; `fast` holds the failregex, the time, the address and the
 * date's bounds.
 */
export function judgeEntry(fast: FastFilter, entry: Entry, look: LineContext, place: DatePlace): LineVerdict {
  const { plan, state } = fast;
  const { shared } = look;
  const planned = plan.regexes[fast.regex];
  if (planned === undefined || shared === null) return 'missed';
  state.sessions.rollBack();
  const { words, at } = entry;
  const kind = words[(at + layout.ENTRY_KIND) >> 2] ?? 0;
  if ((kind & layout.IS_OPEN) !== 0) {
    planned.search.match = null;
    fast.prefixed = plan.searched;
    if (fast.prefixed !== null) fast.prefixed.match = null;
    if (!entry.isIntact && !matchAgain(fast, planned, look, place)) return 'missed';
    return judgeFound(fast, planned, look, place);
  }
  part.codes = shared.bytes;
  part.from = words[(at + layout.ENTRY_ID) >> 2] ?? 0;
  part.to = words[(at + layout.ENTRY_ID_END) >> 2] ?? 0;
  line.user.codes = shared.bytes;
  line.user.from = words[(at + layout.ENTRY_USER) >> 2] ?? 0;
  line.user.to = words[(at + layout.ENTRY_USER_END) >> 2] ?? 0;
  line.ip = (kind & layout.HAS_IP) !== 0 ? fast.ip : -1;
  line.isHelper = (kind & layout.VERDICT_BITS) === layout.HELPER;
  line.isGained = (kind & layout.IS_GAINED) !== 0;
  line.isForgotten = (kind & layout.IS_FORGOTTEN) !== 0;
  const verdict = followSession(fast, look, place);
  if (verdict !== null) return verdict;
  // The session is not plain. The next search overwrites the captures.
  entry.isIntact = false;
  return matchAgain(fast, planned, look, place) ? judgeWithFields(fast, planned, look, place) : 'missed';
}

/** Repeats the batch matcher's search in a line to restore the captures. */
function matchAgain(fast: FastFilter, planned: PlannedRegex, look: LineContext, place: DatePlace): boolean {
  setSubject(fast, place, look);
  return matchPrefix(fast) && search(planned.search, fast.subject);
}

/** Counts the known dates of `count` lines of the batch matcher; `place` is the last of them. */
export function countDates({ state }: FastFilter, place: DatePlace, now: number, count: number): void {
  const last = countRepeats(state.dates, place, now, count);
  if (last === null) return;
  state.lastTime = last.time;
  if (last.text !== null) state.lastDate = newDate(state.dates, last) ?? state.lastDate;
}

/** Judges a match like processLine(), with fields. */
function judgeWithFields(
  fast: FastFilter,
  planned: PlannedRegex,
  look: LineContext,
  place: DatePlace,
): LineVerdict {
  const { filter, state, plan, regex: index, isPrefixed, time } = fast;
  const { now, checkAll } = look;
  const prefixed = fast.prefixed === null ? null : groupsOf(fast.prefixed);
  const attempt = {
    ...{ filter, state, window: [], inherited: inheritedOf(plan, prefixed) },
    look: { time, now, checkAll, mayBeUndated: false, mayMatch: null },
  };
  const lines = look.keepsFields ? [look.copy(place.start, place.end)] : [''];
  const match = { start: 0, end: 0, groups: groupsOf(planned.search) };
  const judged = judgeMatch(attempt, { index, regex: planned.regex, match, lines });
  const isFailure = 'id' in judged;
  fast.outcome = {
    result: isFailure ? 'matched' : 'helper',
    ...{ regex: index, hits: [index], isPrefixed, time, warning: null },
    failures: isFailure ? [judged] : [],
    helpers: isFailure ? [] : [judged],
  };
  return 'judged';
}

function inheritedOf({ prefix }: Plan, prefixed: Groups | null): Fields | null {
  if (prefix === null || prefixed === null) return null;
  const inherited = readFields(prefix.regex, { start: 0, end: 0, groups: prefixed }, null);
  inherited.delete('content');
  return inherited;
}
