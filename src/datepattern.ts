import { type Choice, choose, makeChoice, repeatAt, repeatLast } from './datepattern/choose.ts';
import { defaultTemplates, templatesOf } from './datepattern/forms.ts';
import { type Moment, momentOf } from './datepattern/moment.ts';
import { endsThere, isWall, mayHoldCore } from './datepattern/shortcut.ts';
import type { Template } from './datepattern/template.ts';
import { DatePatternError } from './datepattern/translate.ts';
import { localZone, parseZone, type Zone } from './datepattern/zone.ts';
import { isAsciiText } from './failregex.ts';

export { DatePatternError } from './datepattern/translate.ts';

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
  head: {
    readonly text: string;
    readonly now: number;
    readonly until: number;
    readonly found: FoundStamp;
  } | null;
  /** The last date that stood behind a sign no default form holds, such as `[`, with nothing like a date before it. */
  walled: {
    readonly text: string;
    readonly wall: string;
    readonly now: number;
    readonly until: number;
    readonly time: number;
    /** Where in its line it stood last. */
    start: number;
  } | null;
  /** The last time found, for lines whose pattern says that they have none. */
  lastTime: number | null;
};

/** A line within a text, `text[start..end)` without its newline; mutable, since it is made once for many lines. */
export type Place = { text: string; start: number; end: number };

/** Where in the text a date stands, and its time in epoch seconds. */
export type Repeat = { start: number; end: number; time: number };

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

/** A span that looks like a time stamp; `time` is null when it is no real date (`0000-12-30`). */
export type FoundStamp = { readonly time: number | null; readonly start: number; readonly end: number };

/** As findDate(), but answers the span of a stamp that is no real date too. */
export function findStamp(dates: Dates, line: string, now: number, isAscii?: boolean): FoundStamp | null {
  const { head } = dates;
  if (head !== null && now >= head.now && now < head.until && line.startsWith(head.text)) {
    if (endsThere(line, head.text.length)) {
      repeatLast(dates.choice, line, now);
      return head.found;
    }
  }
  dates.head = null;
  dates.walled = null;
  const chosen = choose(dates.choice, { line, isAscii: isAscii ?? isAsciiText(line) }, now);
  if (chosen === null) return null;
  const { match } = chosen;
  const { template } = chosen.slot;
  const [start, end] = spanOf(template, match);
  if (start === end) {
    const recent = dates.lastTime !== null && dates.lastTime > now - 60;
    return { time: recent ? (dates.lastTime ?? now) : now, start, end };
  }
  const time = timeOf(dates, { template, match, text: line.slice(start, end) }, now);
  if (time === null) return { time, start, end };
  dates.lastTime = time;
  const found: FoundStamp = { time, start, end };
  remember(dates, { template, line, found: { time, start, end } });
  return found;
}

type Remembered = { readonly template: Template; readonly line: string; readonly found: Repeat };

/** Keeps a date that the next lines will probably have as well. */
function remember(dates: Dates, { template, line, found }: Remembered): void {
  const { cached } = dates;
  if (cached === null || !template.isForm || template.reading !== 'fields') return;
  const { start, end, time } = found;
  const { now } = cached;
  const { until } = cached.moment;
  if (template.atStart) {
    dates.head = { text: line.slice(0, end), now, until, found };
  } else if (template.isSolitary && dates.choice.isDefault && isWalled(line, 0, found)) {
    dates.walled = { text: line.slice(start, end), wall: line.charAt(start - 1), now, until, time, start };
  }
}

/** Whether no other default form could take the date's place: it stands behind a wall, and nothing before that is a date. */
function isWalled(text: string, lineStart: number, { start, end }: Repeat): boolean {
  if (start - lineStart <= 2 || !isWall(text.charCodeAt(start - 1)) || !endsThere(text, end)) return false;
  return !mayHoldCore(text, lineStart, start);
}

/**
 * Finds the date of a line of ASCII characters when it is the one of the line before, as most are, at the same place or behind
 * the same sign; into `found`. False when findStamp() has to look. noteRepeat() makes it count.
 */
export function repeatStamp(dates: Dates, { text, start, end }: Place, now: number, found: Repeat): boolean {
  const { head, walled } = dates;
  if (head !== null) {
    const stop = start + head.text.length;
    if (now < head.now || now >= head.until || stop > end || !standsAt(text, head.text, start)) return false;
    if (stop < end && !endsThere(text, stop)) return false;
    found.start = start + head.found.start;
    found.end = stop;
    found.time = head.found.time ?? 0;
    return true;
  }
  if (walled === null || now < walled.now || now >= walled.until) return false;
  found.start = text.indexOf(walled.wall, start) + 1;
  found.end = found.start + walled.text.length;
  found.time = walled.time;
  if (found.start === 0 || found.end > end || !standsAt(text, walled.text, found.start)) return false;
  const { last } = dates.choice;
  return last !== null && last.start < found.end - start && isWalled(text, start, found);
}

/** As text.startsWith(), which is a call for each line; dates of neighbours differ in their last characters. */
function standsAt(text: string, part: string, at: number): boolean {
  for (let i = part.length - 1; i >= 0; i--) {
    if (text.charCodeAt(at + i) !== part.charCodeAt(i)) return false;
  }
  return true;
}

/** Counts a date that repeatStamp() found. */
export function noteRepeat(dates: Dates, { text, start, end }: Place, now: number, found: Repeat): void {
  const { walled, head } = dates;
  let shift = 0;
  if (head === null && walled !== null) {
    shift = found.start - start - walled.start;
    walled.start += shift;
  }
  repeatAt(dates.choice, now, { shift, atEnd: found.end < end ? text.charAt(found.end) : '' });
}

/**
 * Counts the last date for so many lines that have it as well, in the last of them so many characters further right; what
 * stands behind it is what stood there before.
 */
export function repeatMany(dates: Dates, now: number, { count, shift }: Many): void {
  const { choice, walled } = dates;
  const slot = choice.last === null ? undefined : choice.slots[choice.last.index];
  if (count === 0 || choice.last === null || slot === undefined) return;
  slot.hits += count - 1;
  slot.seen += count - 1;
  if (walled !== null) walled.start += shift;
  repeatAt(choice, now, { shift, atEnd: choice.last.atEnd });
}

type Many = { readonly count: number; readonly shift: number };

/** How often each template gave a line's date, in the order of trial; those never used are left out. */
export function dateHits(dates: Dates): readonly { readonly name: string; readonly hits: number }[] {
  return dates.choice.slots
    .filter((slot) => slot.hits > 0)
    .map((slot) => ({ name: slot.template.name, hits: slot.hits }));
}

function spanOf(template: Template, match: RegExpExecArray): readonly [start: number, end: number] {
  const end = match.index + match[0].length;
  if (template.isTail) return [end - (match[template.spanGroup] ?? '').length, end];
  if (template.prefixGroup > 0) {
    const start = match.index + (match[template.prefixGroup] ?? '').length;
    return [start, start + (match[template.spanGroup] ?? '').length];
  }
  return match.indices?.[template.spanGroup] ?? [match.index, match.index];
}

type Seen = { readonly template: Template; readonly match: RegExpExecArray; readonly text: string };

function timeOf(dates: Dates, seen: Seen, now: number): number | null {
  const { template, match, text } = seen;
  if (template.reading === 'tai64n') return Number.parseInt(text.slice(2, 17), 16);
  if (template.reading !== 'fields') return epochOf(match[template.valueGroup] ?? '', template.reading);
  const { cached } = dates;
  // A custom pattern may read fields outside the span that is cut, so the whole match is the key.
  const key = template.isTextAll ? text : match[0];
  if (cached !== null && cached.template === template && cached.text === key) {
    if (now >= cached.now && now < cached.moment.until) return cached.moment.time;
  }
  const fields = template.fields.flatMap(([group, field]): [string, string][] => {
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
