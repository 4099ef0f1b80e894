/**
 * The short way of a line through a filter, for nearly all lines that match: the date is the one of the line before, no regex
 * needs a walk, and who failed is an IPv4 address. It says the same as processLine(), at a fifth of the cost: no
 * fields by name, no result, no session is made until somebody asks for it. What it cannot judge it leaves to processLine()
 * before anything has changed.
 */

import {
  findStamp,
  newDate,
  noteRepeat,
  type Place,
  type Repeat,
  repeatMany,
  repeatStamp,
  takeBackStamp,
} from '../date/datepattern.ts';
import { type Fields, readFields } from '../fields.ts';
import { judgeMatch } from '../match.ts';
import { type Gathered, type IdPlace, mergeSession, type PlainLine } from '../session/sessions.ts';
import type { Filter, FilterState, LineVerdict, Outcome } from '../types.ts';
import { type Fast, type Plan, planOf } from './plan.ts';
import {
  ALT_USER,
  CONTENT,
  compileSearches,
  endOf,
  type Ground,
  groupsOf,
  ip4Of,
  isSet,
  lengthOf,
  MLFFORGET,
  MLFGAINED,
  MLFID,
  MOST_TEXT,
  NOFAIL,
  narrow,
  placeOf,
  type Search,
  type Subject,
  search,
  USER,
} from './search.ts';

/** How a line is to be looked at; see ProcessOptions. */
export type ExpressLook = {
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
  ground: Ground | null;
  origin: number;
  /** Nobody watches the clock. */
  isUnwatched: boolean;
};

/** One filter's short way: takeExpress() leaves in it what it found. */
export type Express = {
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
  toldStamp: number;
  judgedNow: number;
  judgedMode: ExpressLook['mode'] | null;
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
  outcome: Outcome | null;
};

const TOLERANCE = 60;
/** Characters; the search for a date in a line of 64,000 takes up to 0.4 s, which somebody has to watch. */
const LONG_LINE = 1024;
const NEWLINE = 10;

const noPlace = (): IdPlace => ({ codes: new Uint8Array(0), from: 0, to: 0 });

/** Filled and read each time, never kept. */
const part = noPlace();
const line: PlainLine = {
  ...{ id: part, user: noPlace(), text: noPlace(), userAt: -1, ip: -1 },
  ...{ isHelper: false, isGained: false, isForgotten: false },
};

/** So many searches with a regex are worth its compilation, some milliseconds. */
const WORTH = 200;

/** Compiles the regexes that are used much for the ground; not while the clock is watched. Answers how many. */
export function compileWanted({ plan }: Express, ground: Ground, worth: number = WORTH): number {
  return compileSearches(plan.searches, ground, worth);
}

/** The short way of a filter, or null when it has none: several lines, other ids than addresses, regexes that need a walk. */
export function makeExpress(filter: Filter, state: FilterState): Express | null {
  const plan = planOf(filter);
  if (plan === null) return null;
  const stamp = { start: 0, end: 0, time: 0, text: null, isCounted: false };
  const none = {
    judgedStamp: Number.NaN,
    toldStamp: Number.NaN,
    judgedNow: Number.NaN,
    judgedMode: null,
    isOld: false,
    judgedTime: 0,
    lastTime: 0,
    isTimed: false,
  };
  return {
    filter,
    plan,
    state,
    stamp,
    subject: { ground: null, from: 0, to: 0, text: '', isUnwatched: false },
    prefixed: null,
    ...none,
    isPrefixed: false,
    regex: 0,
    time: 0,
    ip: 0,
    outcome: null,
  };
}

/** Takes what is left of a line through prefregex; the subject becomes what failregexes see. */
function takePrefix(express: Express): boolean {
  const { plan, subject } = express;
  const { head, prefix } = plan;
  if (prefix === null) return true;
  if (head !== null) {
    express.prefixed = head;
    if (!search(head, subject)) return false;
    const end = endOf(head, subject);
    if (end < lengthOf(subject) - 1) {
      narrow(subject, end);
      return true;
    }
  }
  express.prefixed = prefix.search;
  if (!search(prefix.search, subject)) return false;
  if (!placeOf(prefix.search, CONTENT, part) || part.from === part.to) return true;
  const { codes, from, to } = part;
  const isTail = plan.isContentTail && codes[to - 1] !== NEWLINE;
  if (isTail) narrow(subject, lengthOf(subject) - (to - from) - 1);
  else {
    const content = Buffer.from(codes.buffer, codes.byteOffset + from, to - from).toString('latin1');
    Object.assign(subject, { ground: null, text: `${content}\n` });
  }
  return true;
}

/**
 * Takes a line of ASCII characters the short way; what it found stands in `express`. Its `time` (epoch seconds) is known where the
 * source says it. Nothing has changed yet that matters to the line when it is taken again: settleExpress() sees to that.
 * Throws UNWATCHED when somebody has to watch the clock for that.
 */
export function takeExpress(
  express: Express,
  place: Place,
  look: ExpressLook,
  time: number | null,
): LineVerdict {
  const { plan, state, stamp } = express;
  const { now } = look;
  express.isTimed = time !== null;
  state.sessions.rollBack();
  stamp.isCounted = false;
  if (time !== null) Object.assign(stamp, { start: place.start, end: place.start, time, text: null });
  else if (!repeatStamp(state.dates, place, now, stamp) && !findNew(express, place, look)) return 'general';
  if (!judgeTime(express, look)) {
    if (stamp.isCounted) takeBackStamp(state.dates);
    return 'general';
  }
  if (express.isOld) return 'old';
  const { subject } = express;
  setSubject(express, place, look);
  if (plan.ignoresFirst && isIgnored(express)) {
    express.isPrefixed = false;
    return 'ignored';
  }
  express.isPrefixed = takePrefix(express) && plan.prefix !== null;
  if (plan.prefix !== null && !express.isPrefixed) return 'missed';
  for (let index = look.nextRegex(0); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast === undefined) break;
    if (!search(fast.search, subject)) continue;
    if (!plan.ignoresFirst && plan.ignores.length > 0 && isIgnored(express)) return 'ignored';
    if (look.checkAll && matchesMore(express, index, look)) {
      if (stamp.isCounted) takeBackStamp(state.dates);
      return 'general';
    }
    express.regex = index;
    return judge(express, fast, look, place);
  }
  return 'missed';
}

/** Finds a date that is not the last one's; false where patterns of somebody's own, which may explode, or the long way have to look. */
function findNew({ state, stamp }: Express, { start, end }: Place, { now, copy }: ExpressLook): boolean {
  const { dates } = state;
  if (!dates.choice.isDefault || end - start >= LONG_LINE) return false;
  const line = copy(start, end);
  const found = findStamp(dates, line, now, true);
  if (found === null) return false;
  if (found.time === null) {
    takeBackStamp(dates);
    return false;
  }
  state.lastDate = line.slice(found.start, found.end);
  Object.assign(stamp, { start: start + found.start, end: start + found.end, time: found.time, text: null });
  stamp.isCounted = true;
  return true;
}

function matchesMore({ plan, subject }: Express, first: number, look: ExpressLook): boolean {
  for (let index = look.nextRegex(first + 1); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast !== undefined && search(fast.search, subject)) return true;
  }
  return false;
}

/** Carries out what takeExpress() noted, unless that was `general`. May be interrupted and called again. */
export function settleExpress({ state, stamp, isTimed }: Express, place: Place, now: number): void {
  state.sessions.commit();
  if (isTimed) {
    state.lastDate = '';
    return;
  }
  if (stamp.text !== null) state.lastDate = newDate(state.dates, stamp) ?? state.lastDate;
  if (!stamp.isCounted) noteRepeat(state.dates, place, now, stamp);
}

/** Judges the date as processLine() does; false when that has something to say about it: until noteJudged() says that it was said. */
function judgeTime(express: Express, { mode, now, findtime }: ExpressLook): boolean {
  const { stamp, state } = express;
  const { time } = stamp;
  if (time === express.judgedStamp && now === express.judgedNow && mode === express.judgedMode) {
    // Another line, of another source or a driven one, may have come between.
    state.lastTime = express.lastTime;
    express.time = express.judgedTime;
    return true;
  }
  const isOff = mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE;
  express.isOld = mode === 'catchup' && time < now - findtime;
  express.judgedTime = isOff || (mode !== 'test' && time > now) ? now : time;
  express.time = express.judgedTime;
  express.judgedStamp = Number.NaN;
  express.judgedNow = now;
  express.judgedMode = mode;
  express.lastTime = isOff ? now : time;
  express.toldStamp = time;
  if (isOff || express.isOld) return false;
  express.judgedStamp = time;
  state.lastTime = time;
  return true;
}

/** The line for which takeExpress() said `general` went the long way: what that says of its date is said once. */
export function noteJudged(express: Express): void {
  express.judgedStamp = express.toldStamp;
  express.toldStamp = Number.NaN;
}

/** What of the line is not its date; on the ground where it is there and short. */
function setSubject({ subject, stamp }: Express, place: Place, look: ExpressLook): void {
  const { ground, origin } = look;
  const { start, end } = place;
  const before = stamp.start - start;
  subject.ground = ground;
  subject.text = null;
  subject.isUnwatched = look.isUnwatched;
  if (ground === null || end - start >= MOST_TEXT) {
    subject.ground = null;
    subject.text = textWithout(place, stamp, look);
  } else if (before === 0) {
    subject.from = origin + stamp.end;
    subject.to = origin + end + 1;
  } else {
    const { bytes, text } = ground;
    bytes.copyWithin(text, origin + start, origin + stamp.start);
    bytes.copyWithin(text + before, origin + stamp.end, origin + end + 1);
    subject.from = text;
    subject.to = text + before + end + 1 - stamp.end;
  }
}

function textWithout({ start, end }: Place, stamp: Repeat, look: ExpressLook): string {
  const after = look.copy(stamp.end, end + 1);
  return stamp.start === start ? after : look.copy(start, stamp.start) + after;
}

function isIgnored(express: Express): boolean {
  const { ignores } = express.plan;
  for (let i = 0; i < ignores.length; i++) {
    const ignore = ignores[i];
    if (ignore === undefined || !search(ignore, express.subject)) continue;
    express.regex = i;
    return true;
  }
  return false;
}

/** The id of the session that the line belongs to, into `part`; false where there is none. */
function findSession({ plan, prefixed }: Express, { hasSession, search: found }: Fast): boolean {
  if (hasSession) return placeOf(found, MLFID, part);
  return plan.hasPrefixSession && prefixed !== null && placeOf(prefixed, MLFID, part);
}

/** The IPv4 address that failed, -1 where the line does not say it; null where it is something else. */
function addressOf({ prefixed, plan }: Express, { hasId, isOdd, search: found }: Fast): number | null {
  if (isOdd) return null;
  if (hasId) return ip4Of(found);
  return prefixed === null || !plan.hasPrefixId ? -1 : ip4Of(prefixed);
}

function judge(express: Express, fast: Fast, look: ExpressLook, place: Place): LineVerdict {
  const { sessions } = express.state;
  const hasSession = findSession(express, fast);
  const isGained = hasSession && isSet(fast.search, MLFGAINED);
  const isHelper = isGained || isSet(fast.search, NOFAIL);
  // With checkAll a helper that does not say who it is waits for that.
  const isAsked = !isHelper || look.checkAll;
  if (look.keepsFields) {
    if (isAsked || (hasSession && sessions.hasAt(part))) return judgeWhole(express, fast, look, place);
    if (hasSession && !isSet(fast.search, MLFFORGET)) remember(express, fast, { look, place });
    return 'helper';
  }
  if (!hasSession && !isAsked) return 'helper';
  const ip = addressOf(express, fast);
  if (ip === null || (ip < 0 && !hasSession)) return judgeWhole(express, fast, look, place);
  express.ip = ip;
  if (!hasSession) return isHelper ? 'helper' : 'matched';
  findUser(fast.search);
  Object.assign(line, { ip, isHelper, isGained, isForgotten: isSet(fast.search, MLFFORGET) });
  return takeSession(express, look, place) ?? judgeWhole(express, fast, look, place);
}

/** The user that the line names, into `line`. */
function findUser(found: Search): void {
  const { user } = line;
  if (placeOf(found, USER, user) && user.to > user.from) return;
  if (!placeOf(found, ALT_USER, user)) user.to = user.from;
}

/** Takes `line`, whose id is `part`, through its session; null where that is not plain. */
function takeSession(express: Express, { now, checkAll, ground, origin }: ExpressLook, place: Place) {
  const { plan, state, stamp } = express;
  const { text, user } = line;
  text.codes = place.codes;
  text.from = stamp.end;
  const begins = plan.isIdFirst && stamp.start === place.start;
  text.to = begins ? place.end + 1 : text.from;
  const isThere = ground !== null && user.codes === ground.bytes && begins;
  line.userAt = isThere ? user.from - origin - text.from : -1;
  const verdict = state.sessions.takePlain(line, now, checkAll);
  express.ip = state.sessions.ip;
  return verdict;
}

type Groups = readonly (string | undefined)[];

/** What was captured, by native numbers. */
type Hit = { readonly fast: Fast; readonly groups: Groups; readonly prefixed: Groups | null };

/**
 * What the drive found of a line that matched. `isOpen`: what was captured is to be judged, and `isIntact` where it was put; else the
 * line is of a session, and the places of its id and user are told.
 */
export type Driven = {
  idStart: number;
  idEnd: number;
  userStart: number;
  userEnd: number;
  isOpen: boolean;
  isIntact: boolean;
  hasIp: boolean;
  isHelper: boolean;
  isGained: boolean;
  isForgotten: boolean;
};

/** Judges a line that filter/fast/drive.ts found to match; `express` holds the failregex, the time, the address and where the date stands. */
export function takeDriven(express: Express, driven: Driven, look: ExpressLook, place: Place): LineVerdict {
  const { plan, state } = express;
  const { ground } = look;
  const fast = plan.regexes[express.regex];
  if (fast === undefined || ground === null) return 'missed';
  state.sessions.rollBack();
  if (driven.isOpen) {
    fast.search.match = null;
    express.prefixed = plan.searched;
    if (express.prefixed !== null) express.prefixed.match = null;
    if (!driven.isIntact && !matchAgain(express, fast, look, place)) return 'missed';
    return judge(express, fast, look, place);
  }
  part.codes = ground.bytes;
  part.from = driven.idStart;
  part.to = driven.idEnd;
  line.user.codes = ground.bytes;
  line.user.from = driven.userStart;
  line.user.to = driven.userEnd;
  line.ip = driven.hasIp ? express.ip : -1;
  line.isHelper = driven.isHelper;
  line.isGained = driven.isGained;
  line.isForgotten = driven.isForgotten;
  const verdict = takeSession(express, look, place);
  if (verdict !== null) return verdict;
  // The session is not plain.
  return matchAgain(express, fast, look, place) ? judgeWhole(express, fast, look, place) : 'missed';
}

/** Finds once more what the drive found in a line, so that what it captured is there. */
function matchAgain(express: Express, fast: Fast, look: ExpressLook, place: Place): boolean {
  setSubject(express, place, look);
  return takePrefix(express) && search(fast.search, express.subject);
}

/** So many lines that were driven through had known dates, the last of them the one at `place`. */
export function noteDriven({ state }: Express, place: Place, now: number, count: number): void {
  const last = repeatMany(state.dates, place, now, count);
  if (last === null) return;
  state.lastTime = last.time;
  if (last.text !== null) state.lastDate = newDate(state.dates, last) ?? state.lastDate;
}

function hitOf({ prefixed }: Express, fast: Fast): Hit {
  return { fast, groups: groupsOf(fast.search), prefixed: prefixed === null ? null : groupsOf(prefixed) };
}

/** Judges what was found as processLine() does. */
function judgeWhole(express: Express, one: Fast, look: ExpressLook, place: Place): LineVerdict {
  const { filter, state, plan, regex: index, isPrefixed, time } = express;
  const { now, checkAll } = look;
  const { fast, groups, prefixed } = hitOf(express, one);
  const attempt = {
    ...{ filter, state, window: [], inherited: inheritedOf(plan, prefixed) },
    look: { time, now, checkAll, mayBeUndated: false, mayMatch: null },
  };
  const lines = look.keepsFields ? [look.copy(place.start, place.end)] : [''];
  const match = { start: 0, end: 0, groups };
  const judged = judgeMatch(attempt, { index, regex: fast.regex, match, lines });
  const isFailure = 'id' in judged;
  express.outcome = {
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

type Around = { readonly look: ExpressLook; readonly place: Place };

/** A new session, whose id is `part`, with its fields. */
function remember(express: Express, fast: Fast, { look, place }: Around): void {
  const { plan, state } = express;
  const own = hitOf(express, fast);
  const key = keyOf(plan, own);
  if (key === undefined) return;
  state.sessions.remember(key, begun(plan, own, key, [look.copy(place.start, place.end)]), look.now);
}

/** As findSession(), but a text of its own. */
function keyOf(plan: Plan, { fast, groups, prefixed }: Hit): string | undefined {
  if (fast.hasSession) return groups[fast.search.numbers[MLFID] ?? 0];
  return plan.hasPrefixSession ? prefixed?.[plan.prefix?.search.numbers[MLFID] ?? 0] : undefined;
}

/** What the session of a first line knows. */
function begun(plan: Plan, hit: Hit, id: string, lines: readonly string[]): Gathered {
  const match = { start: 0, end: 0, groups: hit.groups };
  const fields = readFields(hit.fast.regex, match, inheritedOf(plan, hit.prefixed));
  return mergeSession(null, { id, fields, lines }, 0);
}
