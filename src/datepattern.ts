import { type Choice, choose, makeChoice, repeatLast } from './datepattern/choose.ts';
import { defaultTemplates, templatesOf } from './datepattern/forms.ts';
import { type Moment, momentOf } from './datepattern/moment.ts';
import { endsThere } from './datepattern/shortcut.ts';
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
  /** The last time found, for lines whose pattern says that they have none. */
  lastTime: number | null;
};

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
  return { choice: makeChoice(templates), zone: known, cached: null, head: null, lastTime: null };
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
  const { cached } = dates;
  if (cached !== null && template.isForm && template.atStart && template.reading === 'fields') {
    dates.head = { text: line.slice(0, end), now: cached.now, until: cached.moment.until, found };
  }
  return found;
}

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
