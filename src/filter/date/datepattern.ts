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

/** The date forms of one log, and what was learned from its lines; changed by findDate(). */
export type Dates = {
  readonly choice: Choice;
  readonly zone: Zone;
  /** The text of the last date, and its meaning. */
  cached: {
    readonly template: Template;
    readonly text: string;
    readonly now: number;
    readonly moment: Moment;
  } | null;
  /** The line's beginning up to the end of the date; a line with the same beginning has the same date. */
  head: Known | null;
  /**
   * The last date that follows a wall, such as `[`, with no date before it. No default form contains a wall.
   */
  walled: (Known & { readonly wall: number; readonly closing: Uint8Array }) | null;
  /** The last time found, for lines whose pattern says that they have none. */
  lastTime: number | null;
};

/** A date and its text, which is ASCII. For `head` the text begins at the start of the line. */
type Known = {
  text: string;
  codes: Uint8Array;
  /** A second buffer of the same size for the next date. */
  spare: Uint8Array;
  /** Epoch seconds. */
  time: number;
  /** The `now` for which this is valid. */
  readonly now: number;
  readonly until: number;
  /** Offset of the last such date in its line. */
  start: number;
  /** The form of dates with other seconds; null if unknown. */
  readonly clock: Clock | null;
};

/**
 * Seconds. The date of a live line that is further off counts as wrong, and an older last date is not used.
 */
export const TOLERANCE = 60;

/** An ASCII line: `codes[start..end)` without its newline. Mutable and reused for many lines. */
export type DatePlace = { codes: Uint8Array; start: number; end: number };

/** The bounds of a date, and its time in epoch seconds. `text`: null if it equals that of the line before. */
export type Repeat = { start: number; end: number; time: number; text: string | null };

type Counted = Repeat & { readonly count?: number };

/** A line's time (epoch seconds) and the bounds of its date; empty bounds if the pattern has no date. */
export type FoundDate = { readonly time: number; readonly start: number; readonly end: number };

/**
 * Compiles a datepattern: one template per line, in order of trial; null = the default forms. `zone` applies
 * to dates without one; null = local time. Throws DatePatternError with an offset from the pattern's start.
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
 * Finds the date of a line as of `now` (epoch seconds); null if there is none or it is not a real date.
 * `isAscii`, if known, saves a check.
 */
export function findDate(dates: Dates, line: string, now: number, isAscii?: boolean): FoundDate | null {
  const found = findStamp(dates, line, now, isAscii);
  return found === null || found.time === null ? null : { ...found, time: found.time };
}

/** Undoes the bookkeeping of the last findStamp(), for a line that is matched again. */
export function undoStamp(dates: Dates): void {
  undoHit(dates.choice);
  dates.head = null;
  dates.walled = null;
}

/** The bounds of a date; `time` is null if it is not a real one (`0000-12-30`). */
export type FoundStamp = { readonly time: number | null; readonly start: number; readonly end: number };

/** Like findDate(), but also returns dates that are not real. */
export function findStamp(dates: Dates, line: string, now: number, isAscii?: boolean): FoundStamp | null {
  const known = repeatHead(dates, line, now);
  if (known !== null) return known;
  dates.head = null;
  dates.walled = null;
  const chosen = choose(dates.choice, { line, isAscii: isAscii ?? isAsciiText(line), hints: new Map() });
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

/** Keeps a date, since the next lines will probably have the same. */
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

/** Must follow a walled date, so that a client's date is not taken for it. */
const ACCESS_CODES = codesOf(ACCESS_END, ACCESS_END.length);
const NO_CODES = new Uint8Array(0);

function wholeLine(line: string): DatePlace {
  return { codes: codesOf(line, line.length), start: 0, end: line.length };
}

/** Reused: a date and the character after it. Written and read in each call. */
const beginning = { codes: new Uint8Array(256), start: 0, end: 0 };
const repeated: Repeat = { start: 0, end: 0, time: 0, text: null };

/** Finds and counts the date at a line's beginning if it is the last one, or that with other seconds. */
function repeatHead(dates: Dates, line: string, now: number): FoundStamp | null {
  const { head } = dates;
  const count = Math.min(line.length, (head?.text.length ?? 0) + 3);
  if (head === null || count > beginning.codes.length) return null;
  codesOf(line, count, beginning.codes);
  beginning.end = count;
  if (!findRepeat(dates, beginning, now, repeated)) return null;
  countRepeat(dates, beginning, repeated);
  return { time: repeated.time, start: repeated.start, end: repeated.end };
}

/**
 * Whether no other default form could take the date's place: it follows a wall, and there is no date before
 * that.
 */
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
 * Finds the date of an ASCII line if it is the last one or that with other seconds, at the same place or
 * behind the same wall, and writes it to `found`. Most lines have such a date. False: use findStamp(). Call
 * countRepeat() to count the date.
 */
export function findRepeat(dates: Dates, place: DatePlace, now: number, found: Repeat): boolean {
  if (!locate(dates, place, now, found)) return false;
  if (dates.head !== null) return endsThere(place.codes, found.end, place.end);
  return dates.choice.last !== null && isWalled(place, found);
}

/** Finds the last date, or that with other seconds. Ignores what surrounds it. */
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

/** The offset behind the first `sign`; -1 if there is none. */
function behind({ codes, start, end }: DatePlace, sign: number): number {
  for (let at = start; at < end; at++) if (codes[at] === sign) return at + 1;
  return -1;
}

/** The text of a date that findRepeat() found; null if it equals that of the line before. */
export function newDate({ head }: Dates, { text }: Repeat): string | null {
  return text === null || head === null ? text : text.slice(head.start);
}

/**
 * Counts a date that findRepeat() found in `count` lines; this is the last of them. May be interrupted and
 * called again.
 */
export function countRepeat(dates: Dates, place: DatePlace, found: Counted): void {
  const { walled, head, choice } = dates;
  const { codes, start, end } = place;
  const known = head ?? walled;
  const atEnd = found.end < end ? String.fromCharCode(codes[found.end] ?? 0) : '';
  if (found.text !== null && known !== null) adopt(dates, known, place, found);
  const shift = head === null && walled !== null ? found.start - start - walled.start : 0;
  countHits(choice, { count: found.count ?? 1, shift, atEnd, walled });
}

/** Keeps the date for the next lines. */
function adopt(dates: Dates, known: Known, { codes }: DatePlace, { text, time, end }: Repeat): void {
  const { spare } = known;
  const from = end - spare.length;
  for (let i = 0; i < spare.length; i++) spare[i] = codes[from + i] ?? 0;
  // No call or loop from here on, so that an interruption cannot leave half of the change.
  known.spare = known.codes;
  known.codes = spare;
  known.text = text ?? known.text;
  known.time = time;
  dates.lastTime = time;
}

/** What lines with the last date have in common, and which parts of it may differ. */
export type Common = {
  /**
   * The text from the start of the line, or from behind the first `wall`; includes the text that closes the
   * date.
   */
  readonly text: string;
  /** Number of characters that close the date. */
  readonly closing: number;
  readonly wall: number | null;
  /** Offset of the last such date in its line. */
  readonly start: number;
  readonly digits: number;
  readonly upToFive: number;
  /**
   * Offset of the two digits of the seconds in the text, -1 if they are fixed; and the time without seconds.
   */
  readonly seconds: number;
  readonly minute: number;
  /** Identity of the source, for isStillCommon(). */
  readonly key: unknown;
};

/** A date always ends before one of these. */
const CLOSING = new Set([']', '"', ')', "'", ';', '|']);
const MOST_COMMON = 48;

/**
 * What the batch matcher needs to recognise the last date in many lines. Null if findRepeat() has to check
 * each line. Excluded are lines with a time after `now`, and lines with a blank after the date where the date
 * may go on.
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

/** Whether commonOf() would return the same, apart from `start`, at the same `now`. */
export function isStillCommon({ head, walled, choice }: Dates, { text, key }: Common): boolean {
  const known = head ?? walled;
  if (known === null || choice.last === null || key !== (known.clock ?? known.codes)) return false;
  return text.endsWith(closingOf(head === null ? walled : null, choice.last.atEnd));
}

function closingOf(walled: Dates['walled'], atEnd: string): string {
  return walled !== null && walled.closing.length > 0 ? ACCESS_END : atEnd;
}

/**
 * Counts the date of `count` lines that match commonOf(); `place` is the last of them. Returns a reused
 * object; null if count is 0.
 */
export function countRepeats(dates: Dates, place: DatePlace, now: number, count: number): Repeat | null {
  if (count === 0 || !locate(dates, place, now, repeated)) return null;
  countRepeat(dates, place, { ...repeated, count });
  return repeated;
}

type SeenDate = { readonly template: Template; readonly match: RegExpExecArray; readonly text: string };

function timeOf(dates: Dates, seen: SeenDate, now: number): number | null {
  const { template, match, text } = seen;
  if (template.reading === 'tai64n') return Number.parseInt(text.slice(2, 17), 16);
  const compiled = template.compiled();
  if (template.reading !== 'fields') return epochOf(match[compiled.valueGroup] ?? '', template.reading);
  const { cached } = dates;
  // A custom pattern may read fields outside the bounds that are cut out, so the key is the whole match.
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
