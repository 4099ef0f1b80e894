/**
 * The short way of a line through a filter, for nearly all lines that match: the date is the one of the line before, every
 * regex is a native one, and who failed is an IPv4 address. It says the same as processLine(), at a fifth of the cost: no
 * fields by name, no result, no session is made until somebody asks for it. What it cannot judge it leaves to processLine()
 * before anything has changed.
 */
import { noteRepeat, type Place, type Repeat, repeatStamp } from '../datepattern.ts';
import type { Failregex } from '../failregex.ts';
import type { Filter } from '../filter.ts';
import { parseIp4 } from '../ip.ts';
import { type Fields, readFields } from './fields.ts';
import { judgeMatch } from './find.ts';
import type { FilterState, Outcome } from './line.ts';
import { mergeSession, type Sessions } from './sessions.ts';

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
  /** The content reaches to the line's end. */
  readonly isContentTail: boolean;
  readonly regexes: readonly Fast[];
  readonly ignores: readonly RegExp[];
  /** The ignoreregexes are few and come before the failregexes. */
  readonly ignoresFirst: boolean;
  readonly hasSessions: boolean;
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
};

/** One filter's short way: takeExpress() leaves in it what it found. */
export type Express = {
  readonly filter: Filter;
  readonly plan: Plan;
  readonly state: FilterState;
  readonly stamp: Repeat;
  /** How the last date was judged, and as of when. */
  judgedStamp: number;
  judgedNow: number;
  isOld: boolean;
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
  const stamp = { start: 0, end: 0, time: 0 };
  const none = { judgedStamp: Number.NaN, judgedNow: Number.NaN, isOld: false };
  return { filter, plan, state, stamp, ...none, isPrefixed: false, regex: 0, time: 0, ip: 0, outcome: null };
}

const PREFIX_GROUPS = new Set(['content', 'mlfid']);
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
    isContentTail: prefix !== null && isContentTail(prefix),
    regexes,
    ignores: ignoreregex.map(({ regex }) => regex.ascii),
    ignoresFirst: ignoreregex.length > 0 && ignoreregex.length < failregex.length - 2,
    hasSessions: session > 0 || regexes.some((one) => one.session > 0),
  };
}

/** Whether the group `content` is the last thing before the line's end, so that no text needs to be put together. */
function isContentTail({ tree }: Failregex): boolean {
  if (tree.root.kind !== 'seq') return false;
  const [group, end] = tree.root.items.slice(-2);
  const isEnd = end?.kind === 'anchor' && end.anchor === 'finalEnd';
  return isEnd && group?.kind === 'group' && group.index === tree.names.get('content');
}

/** Takes a line of ASCII characters the short way; what it found stands in `express`. */
export function takeExpress(express: Express, place: Place, look: ExpressLook): Verdict {
  const { plan, state, stamp } = express;
  const { now } = look;
  if (!repeatStamp(state.dates, place, now, stamp)) return 'general';
  if (!judgeTime(express, look)) return 'general';
  if (express.isOld) return noted(express, place, now, 'old');
  let subject = subjectOf(plan, place, stamp, look);
  if (plan.ignoresFirst && isIgnored(express, subject)) {
    express.isPrefixed = false;
    return noted(express, place, now, 'ignored');
  }
  let prefixed: RegExpExecArray | null = null;
  express.isPrefixed = false;
  if (plan.prefix !== null) {
    prefixed = execute(plan.prefix.ascii, subject);
    if (prefixed === null) return noted(express, place, now, 'missed');
    express.isPrefixed = true;
    const content = prefixed[plan.content];
    if (content !== undefined && content !== '' && plan.content > 0) {
      subject = plan.isContentTail ? subject.slice(subject.length - content.length - 1) : `${content}\n`;
    }
  }
  for (let index = look.nextRegex(0); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast === undefined) break;
    const match = execute(fast.ascii, subject);
    if (match === null) continue;
    if (!plan.ignoresFirst && plan.ignores.length > 0 && isIgnored(express, subject)) {
      return noted(express, place, now, 'ignored');
    }
    if (look.checkAll && matchesMore(plan, index, subject, look)) return 'general';
    express.regex = index;
    const verdict = judge(express, { fast, match, prefixed }, look, place);
    return verdict === 'general' ? verdict : noted(express, place, now, verdict);
  }
  return noted(express, place, now, 'missed');
}

function matchesMore(plan: Plan, first: number, subject: string, look: ExpressLook): boolean {
  for (let index = look.nextRegex(first + 1); index >= 0; index = look.nextRegex(index + 1)) {
    const fast = plan.regexes[index];
    if (fast !== undefined && execute(fast.ascii, subject) !== null) return true;
  }
  return false;
}

function noted(express: Express, place: Place, now: number, verdict: Verdict): Verdict {
  noteRepeat(express.state.dates, place, now, express.stamp);
  return verdict;
}

/** Judges the date as processLine() does; false when that has something to say about it, once for each date. */
function judgeTime(express: Express, { mode, now, findtime }: ExpressLook): boolean {
  const { stamp, state } = express;
  if (stamp.time === express.judgedStamp && now === express.judgedNow) return true;
  const { time } = stamp;
  const isOff = mode === 'live' && Math.abs(Math.trunc(time - now)) > TOLERANCE;
  express.isOld = mode === 'catchup' && time < now - findtime;
  express.time = isOff || (mode !== 'test' && time > now) ? now : time;
  express.judgedStamp = time;
  express.judgedNow = now;
  if (isOff || express.isOld) return false;
  state.lastTime = time;
  return true;
}

function subjectOf(plan: Plan, { text, start, end }: Place, stamp: Repeat, look: ExpressLook): string {
  const after = plan.hasSessions ? look.copy(stamp.end, end + 1) : text.slice(stamp.end, end + 1);
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

function judge(express: Express, hit: Hit, look: ExpressLook, place: Place): Verdict {
  const { plan, state } = express;
  const { fast, match, prefixed } = hit;
  const session =
    fast.session > 0
      ? match[fast.session]
      : plan.session > 0 && prefixed !== null
        ? prefixed[plan.session]
        : undefined;
  let isHelper = isSet(match, fast.nofail);
  const isForgotten = session !== undefined && isSet(match, fast.forget);
  if (session !== undefined) {
    if (state.sessions.has(session)) return judgeWhole(express, hit, look, place);
    isHelper ||= isSet(match, fast.gained);
  }
  // With checkAll a helper that does not say who it is waits for that.
  if (!isHelper || look.checkAll) {
    const ip = look.keepsFields ? null : parseIp4(match[fast.ip4] ?? '');
    if (ip === null || fast.ip4 === 0) return judgeWhole(express, hit, look, place);
    express.ip = ip;
  }
  if (session !== undefined && !isForgotten) remember(state.sessions, session, hit, { look, place, plan });
  return isHelper ? 'helper' : 'matched';
}

/** Judges what was found as processLine() does. */
function judgeWhole(express: Express, hit: Hit, look: ExpressLook, place: Place): Verdict {
  const { filter, state, plan, regex: index, isPrefixed, time } = express;
  const { now, checkAll } = look;
  const attempt = {
    ...{ filter, state, window: [], inherited: inheritedOf(plan, hit) },
    look: { time, now, checkAll, mayBeUndated: false, mayMatch: null },
  };
  const lines = look.keepsFields ? [look.copy(place.start, place.end)] : [''];
  const match = { start: 0, end: 0, groups: hit.match };
  const judged = judgeMatch(attempt, { index, regex: hit.fast.regex, match, lines });
  const isFailure = 'id' in judged;
  express.outcome = {
    result: isFailure ? 'matched' : 'helper',
    ...{ regex: index, hits: [index], isPrefixed, time, warning: null },
    failures: isFailure ? [judged] : [],
    helpers: isFailure ? [] : [judged],
  };
  return 'judged';
}

function inheritedOf({ prefix }: Plan, { prefixed }: Hit): Fields | null {
  if (prefix === null || prefixed === null) return null;
  const inherited = readFields(prefix, { start: 0, end: 0, groups: prefixed }, null);
  inherited.delete('content');
  return inherited;
}

type Around = { readonly look: ExpressLook; readonly place: Place; readonly plan: Plan };

/** A new session; what it gathers is put together when a second line of it comes, and most have none. */
function remember(sessions: Sessions, id: string, hit: Hit, { look, place, plan }: Around): void {
  const { fast, match } = hit;
  const lines = look.keepsFields ? [look.copy(place.start, place.end)] : [''];
  const { now } = look;
  sessions.begin(id, now, () => {
    const groups = { start: 0, end: 0, groups: match };
    const fields = readFields(fast.regex, groups, inheritedOf(plan, hit));
    return mergeSession(null, { id, fields, lines }, now);
  });
}
