import { isAsciiText } from '../regex/failregex.ts';
import { type Choice, choose, countHits, makeChoice, undoHit } from './choose.ts';
import { defaultTemplates, templatesOf } from './forms.ts';
import {
  type Clock,
  clockIn,
  clockText,
  codesOf,
  endsThere,
  isWall,
  mayHoldCore,
  placesIn,
  standsAt,
  timeAt,
} from './lastdate.ts';
import { ACCESS_END } from './place.ts';
import { spanOf, type Template } from './template.ts';
import { type Moment, momentOf } from './time.ts';
import { DatePatternError } from './translate.ts';
import { localZone, parseZone, type Zone } from './zone.ts';

export { DatePatternError } from './translate.ts';

/** The date forms of one log and what was learned from its lines; findDate() changes it. */
export type Dates = {
  readonly choice: Choice;
  readonly zone: Zone;
  /** The text that was read last, and what it meant. */
  cached: {
    readonly template: Template;
    readonly text: string;
    readonly now: number;
    readonly moment: Moment;
  } | null;
  /** The line's beginning up to the date's end, where a line with the same beginning has the same date. */
  head: Known | null;
  /** The last date that stood behind a sign no default form holds, such as `[`, with nothing like a date before it. */
  walled: (Known & { readonly wall: number; readonly closing: Uint8Array }) | null;
  /** The last time found, for lines whose pattern says that they have none. */
  lastTime: number | null;
};

/** A date that was found, and its text, which is ASCII: from the line's beginning on, or without what stands before it. */
type Known = {
  text: string;
  codes: Uint8Array;
  /** Room for the next ones, which are as many. */
  spare: Uint8Array;
  /** Epoch seconds. */
  time: number;
  /** For which `now` this holds. */
  readonly now: number;
  readonly until: number;
  /** Where in its line it stood last. */
  start: number;
  /** What dates with other seconds look like, null where that is not known. */
  readonly clock: Clock | null;
};

/** Seconds. A live line's date that is more off is an error in operation, and a last known date no longer serves. */
export const TOLERANCE = 60;

/** A line of ASCII characters, `codes[start..end)` without its newline; mutable, since it is made once for many lines. */
export type DatePlace = { codes: Uint8Array; start: number; end: number };

/** Where a date stands, and its time in epoch seconds; `text` when it is not that of the line before. */
export type Repeat = { start: number; end: number; time: number; text: string | null };

type Counted = Repeat & { readonly count?: number };

/** A line's time (epoch seconds) and the span of its text that says so; an empty span when the pattern wants none. */
export type FoundDate = { readonly time: number; readonly start: number; readonly end: number };

/**
 * Compiles a datepattern (one template a line, in the order of trial; null = the default forms) for lines whose zone, where
 * they name none, is `zone` (null = local time). Throws DatePatternError, whose offset counts from the pattern's beginning.
 */
export function compileDates(pattern: string | null, zone: string | null): Dates {
  const known = zone === null || zone === '' ? localZone() : parseZone(zone);
  if (known === null) throw new DatePatternError(`there is no time zone "${zone}"`, 0);
  const templates = pattern === null ? defaultTemplates().all : compileLines(pattern);
  return {
    choice: makeChoice(templates),
    zone: known,
    cached: null,
    head: null,
    walled: null,
    lastTime: null,
  };
}

function compileLines(pattern: string): readonly Template[] {
  const byName = new Map<string, Template>();
  for (const { 0: line, index } of pattern.matchAll(/[^\s](?:.*[^\s])?/g)) {
    try {
      for (const template of templatesOf(line)) {
        if (!byName.has(template.name)) byName.set(template.name, template);
      }
    } catch (error) {
      if (error instanceof DatePatternError) throw new DatePatternError(error.message, index + error.offset);
      throw error;
    }
  }
  return byName.size === 0 ? defaultTemplates().all : [...byName.values()];
}

/**
 * Finds the time stamp of a line as seen at `now` (epoch seconds); null when there is none or it is no real date.
 * `isAscii` saves looking again when it is known.
 */
export function findDate(dates: Dates, line: string, now: number, isAscii?: boolean): FoundDate | null {
  const found = findStamp(dates, line, now, isAscii);
  return found === null || found.time === null ? null : { ...found, time: found.time };
}

/** Undoes the bookkeeping of the last findStamp(): the line is to be looked at again. */
export function undoStamp(dates: Dates): void {
  undoHit(dates.choice);
  dates.head = null;
  dates.walled = null;
}

/** A span that looks like a time stamp; `time` is null when it is no real date (`0000-12-30`). */
export type FoundStamp = { readonly time: number | null; readonly start: number; readonly end: number };

/** As findDate(), but answers the span of a stamp that is no real date too. */
export function findStamp(dates: Dates, line: string, now: number, isAscii?: boolean): FoundStamp | null {
  const known = repeatHead(dates, line, now);
  if (known !== null) return known;
  dates.head = null;
  dates.walled = null;
  const chosen = choose(dates.choice, { line, isAscii: isAscii ?? isAsciiText(line), hints: new Map() }, now);
  if (chosen === null) return null;
  const { match } = chosen;
  const { template } = chosen.slot;
  const [start, end] = spanOf(template, match);
  if (start === end) {
    const recent = dates.lastTime !== null && dates.lastTime > now - TOLERANCE;
    return { time: recent ? (dates.lastTime ?? now) : now, start, end };
  }
  const time = timeOf(dates, { template, match, text: line.slice(start, end) }, now);
  if (time === null) return { time, start, end };
  dates.lastTime = time;
  const found: FoundStamp = { time, start, end };
  cacheDate(dates, { template, line, found: { time, start, end, text: null } });
  return found;
}

type Remembered = { readonly template: Template; readonly line: string; readonly found: Repeat };

/** Keeps a date that the next lines will probably have as well. */
function cacheDate(dates: Dates, { template, line, found }: Remembered): void {
  const { cached } = dates;
  if (cached === null || !template.isForm || template.reading !== 'fields') return;
  const { start, end, time } = found;
  const { now, moment } = cached;
  const from = template.atStart ? 0 : start;
  const text = line.slice(from, end);
  if (!isAsciiText(text)) return;
  const clock = moment.isSteady && time <= now ? clockIn(text, start - from, time) : null;
  const codes = codesOf(text, text.length);
  const known = {
    text,
    codes,
    spare: new Uint8Array(text.length),
    time,
    now,
    until: moment.until,
    start,
    clock,
  };
  if (template.atStart) dates.head = known;
  else if (template.isSolitary && dates.choice.isDefault) {
    const place = wholeLine(line);
    const isAccess = line.startsWith(ACCESS_END, end);
    const closing = isAccess ? ACCESS_CODES : NO_CODES;
    if (isWalled(place, found)) dates.walled = { ...known, wall: place.codes[start - 1] ?? 0, closing };
  }
}

/** What has to stand behind a walled date, so that no date of a client's passes for it. */
const ACCESS_CODES = codesOf(ACCESS_END, ACCESS_END.length);
const NO_CODES = new Uint8Array(0);

function wholeLine(line: string): DatePlace {
  return { codes: codesOf(line, line.length), start: 0, end: line.length };
}

/** Filled and read each time, never kept; a date and what may end it. */
const beginning = { codes: new Uint8Array(256), start: 0, end: 0 };
const repeated: Repeat = { start: 0, end: 0, time: 0, text: null };

/** The date at a line's beginning when it is the known one, or that with other seconds; it is counted. */
function repeatHead(dates: Dates, line: string, now: number): FoundStamp | null {
  const { head } = dates;
  const count = Math.min(line.length, (head?.text.length ?? 0) + 3);
  if (head === null || count > beginning.codes.length) return null;
  codesOf(line, count, beginning.codes);
  beginning.end = count;
  if (!findRepeat(dates, beginning, now, repeated)) return null;
  countRepeat(dates, beginning, now, repeated);
  return { time: repeated.time, start: repeated.start, end: repeated.end };
}

/** Whether no other default form could take the date's place: it stands behind a wall, and nothing before that is a date. */
function isWalled(
  { codes, start: lineStart, end: lineEnd }: DatePlace,
  found: Pick<Repeat, 'start' | 'end'>,
): boolean {
  const { start, end } = found;
  if (start - lineStart <= 2 || !isWall(codes[start - 1] ?? 0) || !endsThere(codes, end, lineEnd))
    return false;
  return !mayHoldCore(codes, lineStart, start);
}

/**
 * Finds the date of a line of ASCII characters when it is the one of the line before, as most are, or that with other seconds, at the
 * same place or behind the same sign; into `found`. False when findStamp() has to look. countRepeat() makes it count.
 */
export function findRepeat(dates: Dates, place: DatePlace, now: number, found: Repeat): boolean {
  if (!locate(dates, place, now, found)) return false;
  if (dates.head !== null) return endsThere(place.codes, found.end, place.end);
  const { last } = dates.choice;
  return last !== null && last.start < found.end - place.start && isWalled(place, found);
}

/** Finds the known date, or that with other seconds, whatever stands around it. */
function locate({ head, walled }: Dates, place: DatePlace, now: number, found: Repeat): boolean {
  const known = head ?? walled;
  if (known === null || now < known.now || now >= known.until) return false;
  const { codes, start, end } = place;
  let at = start;
  if (head === null && walled !== null) {
    at = behind(place, walled.wall);
    if (at < 0) return false;
  }
  found.start = head === null ? at : at + known.start;
  found.end = at + known.codes.length;
  const closing = head === null && walled !== null ? walled.closing : NO_CODES;
  if (found.end + closing.length > end || !standsAt(codes, closing, found.end)) return false;
  found.text = null;
  found.time = known.time;
  if (!standsAt(codes, known.codes, at)) {
    const { clock } = known;
    const time = clock === null ? -1 : timeAt(clock, codes, at);
    if (clock === null || time < 0 || time > now) return false;
    found.time = time;
    found.text = clockText(clock, codes, at);
  }
  return true;
}

/** The place behind the first sign of that kind, -1 where there is none. */
function behind({ codes, start, end }: DatePlace, sign: number): number {
  for (let at = start; at < end; at++) if (codes[at] === sign) return at + 1;
  return -1;
}

/** The text of a date that findRepeat() found, null when it is that of the line before. */
export function newDate({ head }: Dates, { text }: Repeat): string | null {
  return text === null || head === null ? text : text.slice(head.start);
}

/**
 * Counts a date that findRepeat() found, in `count` lines of which this is the last. May be interrupted and called again.
 */
export function countRepeat(dates: Dates, place: DatePlace, now: number, found: Counted): void {
  const { walled, head, choice } = dates;
  const { codes, start, end } = place;
  const known = head ?? walled;
  const atEnd = found.end < end ? String.fromCharCode(codes[found.end] ?? 0) : '';
  if (found.text !== null && known !== null) adopt(dates, known, place, found);
  const shift = head === null && walled !== null ? found.start - start - walled.start : 0;
  countHits(choice, now, { count: found.count ?? 1, shift, atEnd, walled });
}

/** The next lines will probably have this date. */
function adopt(dates: Dates, known: Known, { codes }: DatePlace, { text, time, end }: Repeat): void {
  const { spare } = known;
  const from = end - spare.length;
  for (let i = 0; i < spare.length; i++) spare[i] = codes[from + i] ?? 0;
  const atEnd = String.fromCharCode(spare[spare.length - 1] ?? 0);
  // From here on no call and no loop, where an interruption would leave one half of it.
  known.spare = known.codes;
  known.codes = spare;
  known.text = text ?? known.text;
  known.time = time;
  dates.lastTime = time;
  if (dates.choice.last !== null) dates.choice.last.beforeEnd = atEnd;
}

/** What lines have in common whose date is the last one, but perhaps for its seconds, and what of that may change. */
export type Common = {
  /** From the line's beginning, or from behind the first `wall`, up to and with what closes the date. */
  readonly text: string;
  /** How many characters close it. */
  readonly closing: number;
  readonly wall: number | null;
  /** Where the date began last. */
  readonly start: number;
  readonly digits: number;
  readonly upToFive: number;
  /** Where in the text the two digits of the seconds stand, -1 where they do not change, and the time without them (epoch seconds). */
  readonly seconds: number;
  readonly minute: number;
  /** Of what it was made. */
  readonly key: unknown;
};

/** Behind these a date has ended, whatever follows. */
const CLOSING = new Set([']', '"', ')', "'", ';', '|']);
const MOST_COMMON = 48;

/**
 * By what findRepeat() would know the date of many lines, those that say a time beyond `now` apart, and those with a blank behind the
 * date where that may go on; null where it has to look at each.
 */
export function commonOf({ head, walled, choice }: Dates, now: number): Common | null {
  const known = head ?? walled;
  if (known === null || choice.last === null || now < known.now || now >= known.until) return null;
  const closing = closingOf(head === null ? walled : null, choice.last.atEnd);
  const text = known.text + closing;
  // A date at the beginning ends before a blank and the first letter of a host or program.
  const isEnded = CLOSING.has(closing.charAt(0)) || (closing === ' ' && head !== null);
  if (text.length > MOST_COMMON || !isEnded) return null;
  const { clock, start } = known;
  const places = clock === null ? null : placesIn(clock);
  const { digits, upToFive } = places ?? { digits: 0, upToFive: 0 };
  return {
    text,
    closing: closing.length,
    wall: head === null && walled !== null ? walled.wall : null,
    ...{ start, digits, upToFive },
    seconds: clock === null || places === null ? -1 : clock.before.length,
    minute: clock === null || places === null ? known.time : clock.minute,
    key: clock ?? known.codes,
  };
}

/** Whether commonOf() would say the same, but for `start`, at the same `now`. */
export function isStillCommon({ head, walled, choice }: Dates, { text, key }: Common): boolean {
  const known = head ?? walled;
  if (known === null || choice.last === null || key !== (known.clock ?? known.codes)) return false;
  return text.endsWith(closingOf(head === null ? walled : null, choice.last.atEnd));
}

function closingOf(walled: Dates['walled'], atEnd: string): string {
  return walled !== null && walled.closing.length > 0 ? ACCESS_END : atEnd;
}

/**
 * Counts a date for so many lines that have what commonOf() says; the last of them is given as for findRepeat(). Answers what that says,
 * to be read at once; null where there are none.
 */
export function countRepeats(dates: Dates, place: DatePlace, now: number, count: number): Repeat | null {
  if (count === 0 || !locate(dates, place, now, repeated)) return null;
  countRepeat(dates, place, now, { ...repeated, count });
  return repeated;
}

type SeenDate = { readonly template: Template; readonly match: RegExpExecArray; readonly text: string };

function timeOf(dates: Dates, seen: SeenDate, now: number): number | null {
  const { template, match, text } = seen;
  if (template.reading === 'tai64n') return Number.parseInt(text.slice(2, 17), 16);
  const compiled = template.compiled();
  if (template.reading !== 'fields') return epochOf(match[compiled.valueGroup] ?? '', template.reading);
  const { cached } = dates;
  // A custom pattern may read fields outside the span that is cut, so the whole match is the key.
  const key = compiled.isTextAll ? text : match[0];
  if (cached !== null && cached.template === template && cached.text === key) {
    if (now >= cached.now && now < cached.moment.until) return cached.moment.time;
  }
  const fields = compiled.fields.flatMap(([group, field]): [string, string][] => {
    const value = match[group];
    return value === undefined ? [] : [[field, value]];
  });
  const moment = momentOf(fields, dates.zone, now);
  if (moment === null) return null;
  dates.cached = { template, text: key, now, moment };
  return moment.time;
}

function epochOf(text: string, reading: 'epoch' | 'longepoch'): number {
  const value = Number(text);
  if (reading === 'epoch' || text.length < 13) return value;
  return text.length >= 16 && !text.includes('.') ? value / 1000000 : value / 1000;
}
