import { closeSync, openSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';
import { codeOf, MachineError, reasonOf } from '../../base/errors.ts';
import { asciiText } from '../../filter/ascii.ts';
import {
  commonOf,
  countRepeat,
  countRepeats,
  type Dates,
  findRepeat,
  findStamp,
} from '../../filter/date/datepattern.ts';
import type { Stretch } from '../../filter/engine.ts';
import {
  countLines,
  countSameDates,
  Engine,
  lendBytes,
  type SameDateRun,
  type Stuck,
} from '../../filter/engine.ts';
import type { Filter, FilterState, LineOutcome, LineVerdict } from '../../filter/types.ts';
import { LINE_CAP } from '../../source/source.ts';
import { capLine } from './lines.ts';
import type { RegexRequest } from './options.ts';
import { countShort, noteUndated, type Tally, wantsText } from './report.ts';

const CHUNK = 512 * 1024;
const VERDICTS: readonly LineVerdict[] = ['matched', 'helper', 'ignored', 'missed', 'old'];
const MISSED = VERDICTS.indexOf('missed');
const HELPER = VERDICTS.indexOf('helper');
const LONG = VERDICTS.length;
const HASH = 0x23;
/** Regexes up to this number are counted in columns; others line by line. */
const MOST_COUNTED = 128;

/** The filter to survey, and callbacks for lines that need more. */
export type FileCourse = {
  readonly filter: Filter;
  readonly state: FilterState;
  readonly tally: Tally;
  /** Counts the date forms of all lines. */
  readonly dates: Dates;
  readonly wish: RegexRequest;
  /** A line of processLine() that is still to be counted: at once, or later if names must be looked up. */
  onLong(outcome: LineOutcome, text: string): Promise<void> | null;
  /** Whether onHit() wants more lines. */
  wantsHits(): boolean;
  /** Called with lines that a failregex matched, in addition. */
  onHit(text: string): void;
  onStuck(stuck: { readonly regex: number | null; readonly number: number; readonly line: string }): void;
};

/**
 * Whether the daemon's engine can survey a plain file, ten times as fast as line by line: no option needs
 * every match, and the filter is not for several lines.
 */
export function canSurvey(filter: Filter, wish: RegexRequest, encoding: string): boolean {
  const { report } = wish;
  const isListing = [report.matched, report.missed, report.ignored].includes('all');
  const wantsEach = wish.json || wish.out !== null || report.verbose;
  return filter.maxlines <= 1 && !isListing && !wantsEach && !/utf-?16|2022/i.test(encoding);
}

/** Matches a file with the engine and counts the results. Throws MachineError if it cannot be read. */
export async function survey(path: string, encoding: string, course: FileCourse): Promise<void> {
  const work = new Surveyor(encoding, course);
  try {
    const fd = openSync(path, 'r');
    try {
      await work.readAll(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof MachineError) throw error;
    throw new MachineError(`cannot read ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

class Surveyor {
  readonly #course: FileCourse;
  readonly #decoder: TextDecoder;
  readonly #engine: Engine;
  /**
   * The results of the batch: start, end, verdict (twice its index in VERDICTS, plus 1 if prefregex matched),
   * regex.
   */
  #told = new Int32Array(4 * 4096);
  #toldEnd = 0;
  #isWanted: boolean[] = VERDICTS.map(() => true);
  /** By verdict and regex number, 0 = no regex. */
  readonly #counts = new Int32Array(2 * VERDICTS.length * MOST_COUNTED);
  #outcomes: { readonly outcome: LineOutcome; readonly text: string }[] = [];
  readonly #bytes = lendBytes(2 * CHUNK);
  /** Counts the dates of all lines; the engine looks only at a few. */
  readonly #dates: Dates;
  /** Number of lines before the batch, and the offset up to which missed lines were listed. */
  #lines = 0;
  #seen = 0;
  /** Offset of the batch. */
  #start = 0;

  constructor(encoding: string, course: FileCourse) {
    const { filter, state, wish } = course;
    this.#course = course;
    this.#decoder = new TextDecoder(encoding);
    this.#dates = course.dates;
    const worker = { jail: '', filter, state, findtime: 0, keepsFields: false };
    this.#engine = new Engine([worker], (stuck) => this.#noteStuck(stuck), {
      checkAll: wish.checkAll,
      isComment: (bytes, start) => bytes[start] === HASH,
      decode: (bytes) => capLine(this.#decoder.decode(bytes)),
      // Only recorded here: matching may be interrupted, counting must not be.
      onShort: (report, { regex, isPrefixed }, start, end) =>
        this.#tell(start, end, (VERDICTS.indexOf(report) << 1) | (isPrefixed ? 1 : 0), regex),
      onPrefixed: (lines) => {
        course.tally.prefixed += lines;
      },
      onLong: (outcome, text, start, end) =>
        this.#tell(start, end, LONG << 1, this.#outcomes.push({ outcome, text }) - 1),
    });
  }

  #tell(start: number, end: number, kind: number, regex: number): void {
    if (this.#toldEnd === this.#told.length) {
      const more = new Int32Array(this.#told.length * 2);
      more.set(this.#told);
      this.#told = more;
    }
    const at = this.#toldEnd;
    this.#told[at] = start;
    this.#told[at + 1] = end;
    this.#told[at + 2] = kind;
    this.#told[at + 3] = regex;
    this.#toldEnd = at + 4;
  }

  async readAll(fd: number): Promise<void> {
    /** Bytes of an unfinished line, before CHUNK. */
    let rest = 0;
    let isSkipping = false;
    for (;;) {
      // Always read to an even address: the kernel copies four times as fast as to an odd one.
      const count = readSync(fd, this.#bytes, CHUNK, CHUNK, null);
      let from = CHUNK - rest;
      let filled = CHUNK + count;
      if (filled === from) return;
      let end = this.#bytes.lastIndexOf(10, filled - 1) + 1;
      if (count === 0) {
        this.#bytes[filled++] = 10;
        end = filled;
      }
      if (end <= from && filled - from >= CHUNK) {
        // An endless line: its beginning counts, the rest is skipped.
        if (!isSkipping) {
          this.#bytes[from + LINE_CAP] = 10;
          await this.#take(from, from + LINE_CAP + 1);
        }
        isSkipping = true;
        rest = 0;
        continue;
      }
      if (end <= from) end = from;
      else if (isSkipping) {
        isSkipping = false;
        from = this.#bytes.indexOf(10, from) + 1;
      }
      await this.#take(from, end);
      rest = filled - end;
      this.#bytes.copyWithin(CHUNK - rest, end, filled);
      if (count === 0) return;
    }
  }

  async #take(start: number, end: number): Promise<void> {
    if (start >= end) return;
    const { wish, tally } = this.#course;
    const bytes = this.#bytes;
    this.#start = start;
    this.#toldEnd = 0;
    this.#outcomes = [];
    this.#noteWishes();
    this.#engine.run({ bytes, start, end, times: null, live: true }, wish.now);
    const { newlines, lines } = countDates(this.#dates, { bytes, start, end }, wish.now, (from, to) =>
      noteUndated(tally, capLine(this.#decoder.decode(bytes.subarray(from, to)))),
    );
    tally.lines += lines;
    tally.missed.count += lines;
    this.#seen = start;
    const told = this.#told;
    for (let at = 0; at < this.#toldEnd; at += 4) {
      const [from, to] = [told[at] ?? 0, told[at + 1] ?? 0];
      if (this.#isWanted[MISSED] === true) this.#listMissed(from);
      this.#seen = to + 1;
      if (this.#countQuickly(at, from, to)) continue;
      const later = this.#count(at, from, to);
      if (later !== null) await later;
      this.#noteWishes();
    }
    this.#settleCounts();
    this.#listMissed(end);
    this.#lines += newlines;
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Updates which verdicts' lines may still be listed. */
  #noteWishes(): void {
    const { tally, wish } = this.#course;
    for (const [i, report] of VERDICTS.entries()) this.#isWanted[i] = wantsText(tally, report, wish.report);
  }

  /** Counts a result if nothing else is needed; settleCounts() adds it to the tally. */
  #countQuickly(at: number, from: number, to: number): boolean {
    const kind = this.#told[at + 2] ?? 0;
    this.#probe(kind >> 1, from, to);
    if (kind >> 1 === LONG || this.#isWanted[kind >> 1] === true || isNoLine(this.#bytes, from, to))
      return false;
    const regex = (this.#told[at + 3] ?? 0) + 1;
    if (regex >= MOST_COUNTED) return false;
    const place = kind * MOST_COUNTED + regex;
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    return true;
  }

  #probe(verdict: number, from: number, to: number): void {
    if (verdict > HELPER || !this.#course.wantsHits() || isNoLine(this.#bytes, from, to)) return;
    this.#course.onHit(capLine(this.#decoder.decode(this.#bytes.subarray(from, to))));
  }

  #settleCounts(): void {
    const { tally } = this.#course;
    const counts = this.#counts;
    for (let place = 0; place < counts.length; place++) {
      const count = counts[place] ?? 0;
      if (count === 0) continue;
      counts[place] = 0;
      const kind = Math.floor(place / MOST_COUNTED);
      const regex = (place % MOST_COUNTED) - 1;
      const report = VERDICTS[kind >> 1] ?? 'missed';
      tally.missed.count -= count;
      countShort(tally, { report, regex, isPrefixed: (kind & 1) === 1, text: null }, count);
    }
  }

  #count(at: number, from: number, to: number): Promise<void> | null {
    const { tally, wish } = this.#course;
    const told = this.#told;
    if (isNoLine(this.#bytes, from, to)) return null;
    tally.missed.count--;
    const regex = told[at + 3] ?? 0;
    const kind = told[at + 2] ?? 0;
    if (kind >> 1 === LONG) {
      const long = this.#outcomes[regex];
      // onLong() counts the line.
      tally.lines--;
      return long === undefined ? null : this.#course.onLong(long.outcome, long.text);
    }
    const report = VERDICTS[kind >> 1] ?? 'missed';
    const isPrefixed = (kind & 1) === 1;
    const text = wantsText(tally, report, wish.report)
      ? capLine(this.#bytes.toString('latin1', from, to))
      : null;
    countShort(tally, { report, regex, isPrefixed, text });
    return null;
  }

  /** Lists the lines up to `to` that no regex can match, as long as few enough are missed. */
  #listMissed(to: number): void {
    const { tally, wish } = this.#course;
    while (this.#seen < to && wantsText(tally, 'missed', wish.report)) {
      const newline = this.#bytes.indexOf(10, this.#seen);
      const end = newline < 0 ? to : newline;
      if (!isNoLine(this.#bytes, this.#seen, end))
        tally.missed.lines.push(capLine(this.#decoder.decode(this.#bytes.subarray(this.#seen, end))));
      this.#seen = end + 1;
    }
    this.#seen = Math.max(this.#seen, to);
  }

  #noteStuck({ regex, line, at }: Stuck): void {
    const newlines = countLines({ bytes: this.#bytes, start: this.#start, end: at });
    this.#course.onStuck({ regex, number: this.#lines + newlines + 1, line });
  }
}

/** `newlines`: all lines; `lines`: without comments and empty lines. */
type LineCounts = { readonly newlines: number; readonly lines: number };

/**
 * Counts lines and finds their dates. A line with the same date as the one before is recognised by that
 * alone.
 */
function countDates(
  dates: Dates,
  { bytes, start, end }: Stretch,
  now: number,
  onUndated: (start: number, end: number) => void,
): LineCounts {
  const found = { start: 0, end: 0, time: 0, text: null };
  let [newlines, lines] = [0, 0];
  for (let from = start; from < end; ) {
    const same = countSame(dates, { bytes, start: from, end }, now);
    newlines += same.count;
    lines += same.count;
    from = same.next;
    if (from >= end) break;
    const newline = bytes.indexOf(10, from);
    const place = { codes: bytes, start: from, end: newline };
    newlines++;
    if (!isNoLine(bytes, from, newline)) {
      lines++;
      if (findRepeat(dates, place, now, found)) countRepeat(dates, place, found);
      else if (findStamp(dates, asciiText(bytes, from, newline), now) === null) onUndated(from, newline);
    }
    from = newline + 1;
  }
  return { newlines, lines };
}

/**
 * Counts lines with the known date from the start on; returns their number, and the offset of the first other
 * line.
 */
function countSame(dates: Dates, stretch: Stretch, now: number): Pick<SameDateRun, 'count' | 'next'> {
  const none = { count: 0, next: stretch.start };
  const known = commonOf(dates, now);
  if (known === null) return none;
  const common = known.minute + 59 > now ? { ...known, digits: 0, upToFive: 0 } : known;
  const run = countSameDates(stretch, { ...common, text: Buffer.from(common.text, 'latin1') });
  if (run.count === 0) return none;
  const { bytes } = stretch;
  countRepeats(dates, { codes: bytes, start: run.last, end: bytes.indexOf(10, run.last) }, now, run.count);
  return run;
}

/** Comments and empty lines are not lines of a log. */
function isNoLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || bytes[start] === HASH) return true;
  if (bytes[start] !== 13) return false;
  for (let at = start; at < end; at++) if (bytes[at] !== 13) return false;
  return true;
}
