/**
 * The short way of a line through a filter, for nearly all lines that match: the date is the one of the line before, every
 * regex is a native one, and who failed is an IPv4 address. It says the same as processLine(), at a fifth of the cost: no
 * fields by name, no result, no session is made until somebody asks for it. What it cannot judge it leaves to processLine()
 * before anything has changed.
 */
import { newDate, noteRepeat, type Place, type Repeat, repeatStamp } from '../datepattern.ts';
import { print } from '../failregex/print.ts';
import { printAsciiSet } from '../failregex/printset.ts';
import type { Failregex } from '../failregex.ts';
import type { Filter } from '../filter.ts';
import { parseIp4 } from '../ip.ts';
import { type Fields, readFields } from './fields.ts';
import { judgeMatch } from './find.ts';
import type { FilterState, Outcome } from './line.ts';
import { type FirstLine, type Gathered, gather, mergeSession } from './sessions.ts';

/**
 * What became of a line. `general`: processLine() has to take it; `judged`: it was found the short way and judged as ever, since
 * its session is known, or it names somebody by more than an IPv4 address, or somebody wants to know all of it.
 */
export type Verdict = 'general' | 'judged' | 'old' | 'missed' | 'ignored' | 'helper' | 'matched';

/** A failregex with the native numbers of the groups that decide; 0 = it has none. */
type Fast = {
  readonly regex: Failregex;
  readonly ascii: RegExp;
  readonly ip4: number;
  /** It says itself who failed, so that prefregex does not. */
  readonly hasId: boolean;
  readonly session: number;
  readonly nofail: number;
  readonly gained: number;
  readonly forget: number;
};

/** What does not change from line to line. */
type Plan = {
  readonly prefix: Failregex | null;
  /** Native numbers of prefregex's groups, 0 = none. */
  readonly content: number;
  readonly session: number;
  readonly ip4: number;
  /** The content reaches to the line's end. */
  readonly isContentTail: boolean;
  /** What of prefregex stands before the content, where that is all that it says; see headOf(). */
  readonly head: RegExp | null;
  readonly regexes: readonly Fast[];
  readonly ignores: readonly RegExp[];
  /** The ignoreregexes are few and come before the failregexes. */
  readonly ignoresFirst: boolean;
  readonly hasSessions: boolean;
  /** Prefregex begins with the session's id. */
  readonly isIdFirst: boolean;
};

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
  /** Writes the characters of the line's part. */
  save(start: number, end: number, into: Uint8Array, at: number): void;
};

/** One filter's short way: takeExpress() leaves in it what it found. */
export type Express = {
  readonly filter: Filter;
  readonly plan: Plan;
  readonly state: FilterState;
  readonly stamp: Repeat;
  readonly make: FirstLine;
  /** How the last date was judged, and as of when. */
  judgedStamp: number;
  judgedNow: number;
  judgedMode: ExpressLook['mode'] | null;
  isOld: boolean;
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

/** The short way of a filter, or null when it has none: several lines, other ids than addresses, regexes that need a walk. */
export function makeExpress(filter: Filter, state: FilterState): Express | null {
  const plan = planOf(filter);
  if (plan === null) return null;
  const stamp = { start: 0, end: 0, time: 0, text: null };
  const none = {
    judgedStamp: Number.NaN,
    judgedNow: Number.NaN,
    judgedMode: null,
    isOld: false,
    lastTime: 0,
    isTimed: false,
  };
  return {
    filter,
    plan,
    state,
    stamp,
    make: makerOf(plan),
    ...none,
    isPrefixed: false,
    regex: 0,
    time: 0,
    ip: 0,
    outcome: null,
  };
}

const PREFIX_GROUPS = new Set(['content', 'mlfid', 'ip4', 'ip6', 'dns']);
/** Captures that say something of the id in another way than a plain address does. */
const OTHER_IDS = /^(?:fid|cidr|tuple_.*|alt_(?!user).*)$/;

function planOf(filter: Filter): Plan | null {
  const { prefregex, failregex, ignoreregex } = filter;
  if (filter.maxlines > 1) return null;
  const all = [...(prefregex === null ? [] : [prefregex]), ...failregex, ...ignoreregex];
  if (all.some(({ regex }) => regex.agreement !== 'all')) return null;
  const prefix = prefregex?.regex ?? null;
  if (prefix !== null && [...prefix.fields.keys()].some((name) => !PREFIX_GROUPS.has(name))) return null;
  if (failregex.some(({ regex }) => [...regex.fields.keys()].some((name) => OTHER_IDS.test(name))))
    return null;
  const numberOf = (regex: Failregex | null, name: string): number =>
    Math.max(0, regex?.fields.get(name) ?? 0);
  const regexes = failregex.map(
    ({ regex }): Fast => ({
      regex,
      ascii: regex.ascii,
      ip4: numberOf(regex, 'ip4'),
      hasId: ['ip4', 'ip6', 'dns'].some((name) => regex.fields.has(name)),
      session: numberOf(regex, 'mlfid'),
      nofail: numberOf(regex, 'nofail'),
      gained: numberOf(regex, 'mlfgained'),
      forget: numberOf(regex, 'mlfforget'),
    }),
  );
  const session = numberOf(prefix, 'mlfid');
  return {
    prefix,
    content: numberOf(prefix, 'content'),
    session,
    ip4: numberOf(prefix, 'ip4'),
    isContentTail: prefix !== null && isContentTail(prefix),
    head: prefix !== null && isContentTail(prefix) ? headOf(prefix) : null,
    regexes,
    ignores: ignoreregex.map(({ regex }) => regex.ascii),
    ignoresFirst: ignoreregex.length > 0 && ignoreregex.length < failregex.length - 2,
    hasSessions: session > 0 || regexes.some((one) => one.session > 0),
    isIdFirst:
      session > 0 && prefix !== null && isIdFirst(prefix) && regexes.every((one) => one.session === 0),
  };
}

/** Whether the group `content` is the last thing before the line's end, so that no text needs to be put together. */
function isContentTail({ tree }: Failregex): boolean {
  if (tree.root.kind !== 'seq') return false;
  const [group, end] = tree.root.items.slice(-2);
  const isEnd = end?.kind === 'anchor' && end.anchor === 'finalEnd';
  return isEnd && group?.kind === 'group' && group.index === tree.names.get('content');
}

/**
 * A prefregex `HEAD<F-CONTENT>.+</F-CONTENT>$` matches where HEAD does, unless that leaves nothing. HEAD by itself answers a place,
 * and makes nothing where it has no group.
 */
function headOf({ tree, fields }: Failregex): RegExp | null {
  if (tree.root.kind !== 'seq' || [...fields.keys()].some((name) => name !== 'content' && name !== 'mlfid'))
    return null;
  const { items } = tree.root;
  const group = items.at(-2);
  if (group?.kind !== 'group' || group.body.kind !== 'repeat') return null;
  const { body, min, max, greed } = group.body;
  const isAll = body.kind === 'set' && printAsciiSet(body.set) === '[^\\x0a]';
  if (!isAll || min !== 1 || max !== Number.POSITIVE_INFINITY || greed !== 'greedy') return null;
  const head = print({ ...tree, root: { ...tree.root, items: items.slice(0, -2) } }, 'ascii');
  return head.isLinear ? new RegExp(head.source, `${head.flags}g`) : null;
}

/** Takes a line of ASCII characters through prefregex: what that says, and whether it matches, stand in `prefixed`. */
function takePrefix(plan: Plan, subject: string): boolean {
  const { head, prefix } = plan;
  prefixed.match = null;
  prefixed.rest = subject;
  if (prefix === null) return true;
  if (head !== null) {
    head.lastIndex = 0;
    if (plan.session > 0) prefixed.match = execute(head, subject);
    if (plan.session > 0 ? prefixed.match === null : !tests(head, subject)) return false;
    if (head.lastIndex < subject.length - 1) {
      prefixed.rest = subject.slice(head.lastIndex);
      return true;
    }
  }
  prefixed.match = execute(prefix.ascii, subject);
  if (prefixed.match === null) return false;
  prefixed.rest = contentOf(plan, subject, prefixed.match);
  return true;
}

/** Of the last takePrefix(): its groups, null where there are none or they say nothing, and what failregexes see. */
const prefixed: { match: RegExpExecArray | null; rest: string } = { match: null, rest: '' };

/** As execute(), but makes nothing. */
function tests(regexp: RegExp, text: string): boolean {
  try {
    return regexp.test(text);
  } catch {
    return false;
  }
}

function isIdFirst({ tree }: Failregex): boolean {
  if (tree.root.kind !== 'seq') return false;
  const [begin, group] = tree.root.items;
  const isBegin = begin?.kind === 'anchor' && begin.anchor === 'start';
  return isBegin && group?.kind === 'group' && group.index === tree.names.get('mlfid');
}

/**
 * Takes a line of ASCII characters the short way; what it found stands in `express`. Its `time` (epoch seconds) is known where the
 * source says it. Nothing has changed yet that matters to the line when it is taken again: settleExpress() sees to that.
 */
export function takeExpress(express: Express, place: Place, look: ExpressLook, time: number | null): Verdict {
  const { plan, state, stamp } = express;
  const { now } = look;
  express.isTimed = time !== null;
  state.sessions.rollBack();
  if (time !== null) Object.assign(stamp, { start: place.start, end: place.start, time, text: null });
  else if (!repeatStamp(state.dates, place, now, stamp)) return 'general';
  if (!judgeTime(express, look)) return 'general';
  if (express.isOld) return 'old';
  let subject = subjectOf(place, stamp);
  if (plan.ignoresFirst && isIgnored(express, subject)) {
    express.isPrefixed = false;
    return 'ignored';
  }
  express.isPrefixed = takePrefix(plan, subject) && plan.prefix !== null;
  if (plan.prefix !== null && !express.isPrefixed) return 'missed';
  subject = prefixed.rest;
  for (let index = look.nextRegex(0); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast === undefined) break;
    const match = execute(fast.ascii, subject);
    if (match === null) continue;
    if (!plan.ignoresFirst && plan.ignores.length > 0 && isIgnored(express, subject)) {
      return 'ignored';
    }
    if (look.checkAll && matchesMore(plan, index, subject, look)) return 'general';
    express.regex = index;
    return judge(express, { fast, match, prefixed: prefixed.match }, look, place);
  }
  return 'missed';
}

/** The text that failregexes see. */
function contentOf(plan: Plan, subject: string, prefixed: RegExpExecArray | null): string {
  const content = prefixed === null || plan.content === 0 ? '' : (prefixed[plan.content] ?? '');
  if (content === '') return subject;
  return plan.isContentTail ? subject.slice(subject.length - content.length - 1) : `${content}\n`;
}

function matchesMore(plan: Plan, first: number, subject: string, look: ExpressLook): boolean {
  for (let index = look.nextRegex(first + 1); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast !== undefined && execute(fast.ascii, subject) !== null) return true;
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
  noteRepeat(state.dates, place, now, stamp);
}

/** Judges the date as processLine() does; false when that has something to say about it, once for each date. */
function judgeTime(express: Express, { mode, now, findtime }: ExpressLook): boolean {
  const { stamp, state } = express;
  const { time } = stamp;
  if (time === express.judgedStamp && now === express.judgedNow && mode === express.judgedMode) {
    // Another line, of another source perhaps, may have come between.
    state.lastTime = express.lastTime;
    return true;
  }
  const isOff = mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE;
  express.isOld = mode === 'catchup' && time < now - findtime;
  express.time = isOff || (mode !== 'test' && time > now) ? now : time;
  express.judgedStamp = time;
  express.judgedNow = now;
  express.judgedMode = mode;
  express.lastTime = isOff ? now : time;
  if (isOff || express.isOld) return false;
  state.lastTime = time;
  return true;
}

function subjectOf({ text, start, end }: Place, stamp: Repeat): string {
  const after = text.slice(stamp.end, end + 1);
  return stamp.start === start ? after : text.slice(start, stamp.start) + after;
}

function isIgnored(express: Express, subject: string): boolean {
  const { ignores } = express.plan;
  for (let i = 0; i < ignores.length; i++) {
    const ignore = ignores[i];
    if (ignore === undefined || execute(ignore, subject) === null) continue;
    express.regex = i;
    return true;
  }
  return false;
}

/** A text on which the engine's stack overflows counts as one that does not match. */
function execute(regexp: RegExp, text: string): RegExpExecArray | null {
  try {
    return regexp.exec(text);
  } catch {
    return null;
  }
}

type Hit = {
  readonly fast: Fast;
  readonly match: RegExpExecArray;
  readonly prefixed: RegExpExecArray | null;
};

function isSet(match: RegExpExecArray, group: number): boolean {
  if (group === 0) return false;
  const value = match[group];
  return value !== undefined && value !== '';
}

/** The id of the session that the line belongs to. */
function sessionOf(plan: Plan, { fast, match, prefixed }: Hit): string | undefined {
  if (fast.session > 0) return match[fast.session];
  return plan.session > 0 && prefixed !== null ? prefixed[plan.session] : undefined;
}

/** The IPv4 address that failed; undefined where it is something else. */
function addressOf(plan: Plan, { fast, match, prefixed }: Hit): string | undefined {
  if (fast.hasId) return fast.ip4 > 0 ? match[fast.ip4] : undefined;
  return plan.ip4 > 0 && prefixed !== null ? prefixed[plan.ip4] : undefined;
}

function judge(express: Express, hit: Hit, look: ExpressLook, place: Place): Verdict {
  const { plan, state } = express;
  const { fast, match } = hit;
  const session = sessionOf(plan, hit);
  let isHelper = isSet(match, fast.nofail);
  const isForgotten = session !== undefined && isSet(match, fast.forget);
  if (session !== undefined) {
    if (state.sessions.has(session)) return judgeWhole(express, hit, look, place);
    isHelper ||= isSet(match, fast.gained);
  }
  // With checkAll a helper that does not say who it is waits for that.
  if (!isHelper || look.checkAll) {
    const ip = look.keepsFields ? null : parseIp4(addressOf(plan, hit) ?? '');
    if (ip === null) return judgeWhole(express, hit, look, place);
    express.ip = ip;
  }
  if (session !== undefined && !isForgotten) remember(express, session, hit, { look, place });
  return isHelper ? 'helper' : 'matched';
}

/** Judges what was found as processLine() does. */
function judgeWhole(express: Express, hit: Hit, look: ExpressLook, place: Place): Verdict {
  const { filter, state, plan, regex: index, isPrefixed, time } = express;
  const { now, checkAll } = look;
  const { fast, match: groups, prefixed } = plan.hasSessions ? owned(express, hit, place, look) : hit;
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

function inheritedOf({ prefix }: Plan, prefixed: RegExpExecArray | null): Fields | null {
  if (prefix === null || prefixed === null) return null;
  const inherited = readFields(prefix, { start: 0, end: 0, groups: prefixed }, null);
  inherited.delete('content');
  return inherited;
}

type Around = { readonly look: ExpressLook; readonly place: Place };

/** Filled and handed over each time, never kept. */
const first = { length: 0, regex: 0 };

/** A new session. Where only an address is wanted, what it gathers is put together once somebody asks. */
function remember(express: Express, id: string, hit: Hit, { look, place }: Around): void {
  const { plan, state, stamp } = express;
  const { sessions } = state;
  const { now } = look;
  if (plan.isIdFirst && !look.keepsFields && stamp.start === place.start) {
    first.length = place.end + 1 - stamp.end;
    first.regex = express.regex;
    const at = sessions.begin(id, first, now, express.make);
    if (at >= 0) {
      look.save(stamp.end, place.end + 1, sessions.bytes, at);
      return;
    }
  }
  const own = owned(express, hit, place, look);
  const key = sessionOf(plan, own) ?? id;
  const lines = look.keepsFields ? [look.copy(place.start, place.end)] : [''];
  sessions.remember(key, begun(plan, own, key, lines), now);
}

/** The hit in a text of its own: what a session keeps must not keep a whole piece of the log. */
function owned(express: Express, hit: Hit, { start, end }: Place, look: ExpressLook): Hit {
  const { plan, stamp } = express;
  const before = stamp.start === start ? '' : look.copy(start, stamp.start);
  return hitOn(plan, before + look.copy(stamp.end, end + 1), hit.fast) ?? hit;
}

/** Takes a text that the regex is known to match, without its date, through prefregex and it. */
function hitOn(plan: Plan, text: string, fast: Fast): Hit | null {
  const prefixed = plan.prefix === null ? null : execute(plan.prefix.ascii, text);
  const match = execute(fast.ascii, contentOf(plan, text, prefixed));
  return match === null ? null : { fast, match, prefixed };
}

/** What the session of a first line knows. */
function begun(plan: Plan, hit: Hit, id: string, lines: readonly string[]): Gathered {
  const groups = { start: 0, end: 0, groups: hit.match };
  const fields = readFields(hit.fast.regex, groups, inheritedOf(plan, hit.prefixed));
  return mergeSession(null, { id, fields, lines }, 0);
}

function makerOf(plan: Plan): FirstLine {
  return (id, text, regex) => {
    const fast = plan.regexes[regex];
    const hit = fast === undefined ? null : hitOn(plan, text, fast);
    return hit === null ? gather(new Map([['mlfid', id]]), []) : begun(plan, hit, id, ['']);
  };
}
