import { isAscii } from 'node:buffer';
import type { Batch } from '../source/source.ts';
import { asciiText } from './ascii.ts';
import type { DatePlace } from './date/datepattern.ts';
import { Dispatch } from './fast/dispatch.ts';
import { BatchMatcher } from './fast/drive.ts';
import { compileWanted, type FastFilter, type LineContext, makeFastFilter } from './fast/fastfilter.ts';
import { moduleFor } from './fast/finder.ts';
import { commitFast, confirmDate, matchLine } from './fast/judge.ts';
import { UNWATCHED } from './fast/search.ts';
import { DONE, HELD, LEFT, PAUSED, RECORD_END } from './fast/wasm/layout.ts';
import type { Quarantine } from './guard/quarantine.ts';
import { charge, type SlowLine } from './guard/slowline.ts';
import { processUncommitted } from './line.ts';
import type { Results } from './results.ts';
import type { FilterState, LineInput, LineOutcome, LineVerdict, Survey, Worker } from './types.ts';

/** Bytes searched at a time. */
const PIECE = 65536;
/** Lines matched between two checks of the time; a line of FULL_LINE bytes or more counts as that many. */
const LINES = 32;
const FULL_LINE = 512;
/** Bytes; in a smaller batch the preparation costs more than it saves. */
const WORTH_DRIVING = 4096;

/** Thrown when matching without a time limit takes too long. */
export const SLOW = Symbol('slow');
/** Sources strip a carriage return at the end of a line; here it is still in the bytes. */
const CR = 13;
const NO_WINDOW: FilterState['window'] = [];

/** The position of matching, updated continuously so that it can resume after a timeout. */
type Cursor = {
  /** Offset of the next line, while no line is open. */
  at: number;
  isOpen: boolean;
  /**
   * The open line, its first unfinished worker, that worker's current regex, and its window before the line.
   */
  line: number;
  lineEnd: number;
  worker: number;
  regex: number | null;
  window: FilterState['window'] | null;
  /** `index` is the number of lines that begin before `counted`; for batches whose lines have times. */
  counted: number;
  index: number;
  /** The open line's result in the worker, until it is reported. */
  done: Done | null;
};

/** `outcome` null: the verdict comes from fast/judge.ts. */
type Done = { verdict: LineVerdict; outcome: LineOutcome | null; text: string };

/** Addresses of a finder's records. `isPlain`: the piece is ASCII. */
type Records = { readonly first: number; readonly last: number; readonly isPlain: boolean };

/** A batch and where its results go. */
export type BatchJob = { readonly batch: Batch; readonly now: number; readonly results: Results };

/** A worker's fast matcher; see filter/fast/judge.ts. */
type Lane = { readonly fast: FastFilter; readonly look: LineContext };

/**
 * Matches a batch of lines against many filters. It may be interrupted at any call: the cursor holds the
 * line, worker and regex, and match() continues there. No line is lost or reported twice. engine.ts sets the
 * limits.
 */
export class ResumableMatcher {
  readonly cursor: Cursor = {
    ...{ at: 0, isOpen: false, line: 0, lineEnd: 0, worker: 0, regex: null, window: [] },
    ...{ counted: 0, index: 0, done: null },
  };
  /** Whether some lines can be matched without a time limit. */
  readonly hasFast: boolean;
  readonly #workers: readonly Worker[];
  readonly #survey: Survey | null;
  readonly #quarantine: Quarantine;
  readonly #dispatch: Dispatch;
  readonly #lanes: readonly (Lane | null)[];
  readonly #drive: BatchMatcher;
  #isDriving = false;
  /** The open line's bytes. */
  readonly #place: DatePlace = { codes: new Uint8Array(0), start: 0, end: 0 };
  readonly #short: Done = { verdict: 'missed', outcome: null, text: '' };
  /**
   * Without a time limit: returns whether matching takes too long; regexes that may explode are not used.
   * Null: within a limit.
   */
  #isTimeUp: (() => boolean) | null = null;
  #lines = 0;
  #bytes: Batch['bytes'] = Buffer.alloc(0);

  constructor(workers: readonly Worker[], quarantine: Quarantine, survey: Survey | null) {
    this.#workers = workers;
    this.#survey = survey;
    this.#quarantine = quarantine;
    const isEach = survey?.isEach === true;
    const filters = workers.map(({ filter }) => filter);
    this.#dispatch = new Dispatch(filters, { all: survey !== null, each: isEach });
    this.#lanes = workers.map((worker, number) => (isEach ? null : this.#laneOf(worker, number)));
    this.hasFast = this.#lanes.some((lane) => lane !== null);
    const [tellsAll, checksAll] = [survey !== null, survey?.checkAll === true];
    this.#drive = new BatchMatcher(this.#lanes, { tellsAll, checksAll });
  }

  #laneOf({ filter, state, findtime, keepsFields }: Worker, number: number): Lane | null {
    const fast = makeFastFilter(filter, state);
    if (fast === null) return null;
    const { cursor } = this;
    const dispatch = this.#dispatch;
    const look: LineContext = {
      ...{ mode: 'live', findtime, now: 0, keepsFields, checkAll: this.#survey?.checkAll ?? false },
      nextRegex(from) {
        const index = dispatch.nextRegex(number, from);
        cursor.regex = index;
        return index;
      },
      copy: (start, end) => asciiText(this.#bytes, start, end),
      ...{ shared: null, origin: 0, isUnwatched: false },
    };
    return { fast, look };
  }

  /** Compiles frequently used regexes to WebAssembly; call between batches. True if it compiled any. */
  compile(): boolean {
    let isAny = false;
    for (const lane of this.#lanes) {
      if (lane === null || lane.look.shared === null) continue;
      isAny = compileWanted(lane.fast, lane.look.shared) > 0 || isAny;
    }
    if (isAny) this.#drive.renew();
    return isAny;
  }

  /** Sets the cursor to the start of the batch. */
  begin({ start }: Batch): void {
    const { cursor } = this;
    Object.assign(cursor, { at: start, isOpen: false, counted: start, index: 0, done: null });
  }

  /**
   * Continues matching. `isTimeUp` null: the caller sets a time limit. Otherwise it may throw SLOW if that
   * takes too long, or UNWATCHED at a line that needs a limit.
   */
  match(job: BatchJob, isTimeUp: (() => boolean) | null): void {
    const { bytes, end, live } = job.batch;
    this.#isTimeUp = isTimeUp;
    for (const lane of this.#lanes) {
      if (lane === null) continue;
      lane.look.mode = this.#survey === null ? (live ? 'live' : 'catchup') : 'test';
      lane.look.now = job.now;
      lane.look.isUnwatched = isTimeUp !== null;
    }
    this.#bytes = bytes;
    this.#place.codes = bytes;
    this.#isDriving = isTimeUp !== null && this.#beginDrive(job);
    const { isOpen, line, at } = this.cursor;
    for (let start = isOpen ? line : at; start < end; ) {
      const last = end - start <= PIECE ? end - 1 : bytes.lastIndexOf(10, start + PIECE - 1);
      // A line longer than a piece gets a piece of its own.
      const stop = (last >= start ? last : bytes.indexOf(10, start)) + 1;
      this.#matchPiece(job, start, stop === 0 ? end : stop);
      start = stop === 0 ? end : stop;
    }
  }

  #matchPiece(job: BatchJob, from: number, to: number): void {
    const { bytes, times } = job.batch;
    const { cursor } = this;
    let isPlaced = false;
    const isPlain = isAscii(bytes.subarray(from, to));
    if (this.#isDriving) {
      this.#dispatch.eachRecords({ bytes, start: from, end: to }, (first, last) => {
        this.#placePiece();
        this.#driveRecords(job, { first, last, isPlain });
      });
      cursor.at = to;
      cursor.isOpen = false;
      return;
    }
    this.#dispatch.eachLine(bytes, from, to, (start, stop) => {
      while (times !== null && cursor.counted < start) {
        const next = bytes.indexOf(10, cursor.counted) + 1;
        cursor.counted = next;
        cursor.index++;
      }
      if (!isPlaced) this.#placePiece();
      isPlaced = true;
      // Resume an open line at its worker.
      this.#openLine(start, stop, cursor.isOpen ? cursor.worker : 0);
      if (this.#survey?.isComment(bytes, start) !== true)
        this.#matchOpenLine(job, this.#workers.length, isPlain);
      this.closeLine();
      if (++this.#lines % LINES === 0 || stop - start >= FULL_LINE) this.#checkTime();
    });
  }

  #checkTime(): void {
    if (this.#isTimeUp?.() === true) throw SLOW;
  }

  #openLine(start: number, stop: number, worker: number): void {
    const { cursor } = this;
    cursor.line = start;
    cursor.lineEnd = stop;
    cursor.worker = worker;
    cursor.isOpen = true;
    this.#place.start = start;
    this.#place.end = stop;
  }

  /** Matches the open line with its current worker and those after it, up to number `end`. */
  #matchOpenLine(job: BatchJob, end: number, isPlain: boolean): void {
    const { bytes } = job.batch;
    const { line: start, lineEnd: stop, worker: first } = this.cursor;
    const isShort = (isPlain || isAscii(bytes.subarray(start, stop))) && bytes[stop - 1] !== CR;
    let line: LineInput | null = null;
    for (let worker = first; worker < end; worker++) {
      if (!this.#dispatch.concerns(worker)) continue;
      if (isShort && this.#matchFast(worker, job)) continue;
      if (this.#isTimeUp !== null) throw UNWATCHED;
      line ??= this.lineOf(job.batch);
      this.#matchFully(worker, line, job, null);
    }
  }

  #beginDrive({ batch, now }: BatchJob): boolean {
    if (batch.times !== null || batch.end - batch.start < WORTH_DRIVING) return false;
    const wasm = moduleFor(batch.bytes);
    const literals = this.#dispatch.literals;
    if (wasm === null || literals === null) return false;
    return this.#drive.begin({ wasm, literals, now, most: (number) => this.#quarantine.from(number) });
  }

  /** Runs the batch matcher over the records. Lines that it cannot decide are matched one by one. */
  #driveRecords(job: BatchJob, { first, last, isPlain }: Records): void {
    const drive = this.#drive;
    const { cursor } = this;
    const shift = this.#dispatch.shift;
    let [record, lane] = [first, 0];
    for (;;) {
      const reason = drive.go(record, last, lane, isPlain);
      record = drive.record;
      lane = drive.lane;
      this.#tellFound(job);
      if (reason === DONE) return;
      if (reason === LEFT) this.#matchLeft(job, record, { lane, isPlain });
      if (reason === LEFT || reason === HELD) lane++;
      const start = (drive.words[record >> 2] ?? 0) + shift;
      cursor.at = start;
      if (lane > 0) this.#openLine(start, (drive.words[(record + RECORD_END) >> 2] ?? 0) + shift, lane);
      else cursor.isOpen = false;
      if (reason === PAUSED || ++this.#lines % LINES === 0) this.#checkTime();
    }
  }

  /** Matches a line that the batch matcher could not decide, with one lane. */
  #matchLeft(job: BatchJob, record: number, { lane, isPlain }: { lane: number; isPlain: boolean }): void {
    const drive = this.#drive;
    const shift = this.#dispatch.shift;
    const { words } = drive;
    this.#dispatch.open(words, record);
    this.#openLine((words[record >> 2] ?? 0) + shift, (words[(record + RECORD_END) >> 2] ?? 0) + shift, lane);
    if (this.#survey?.isComment(job.batch.bytes, this.cursor.line) === true) return;
    this.#matchOpenLine(job, lane + 1, isPlain);
    drive.refresh(lane);
  }

  /** Reports what the batch matcher found. */
  #tellFound(job: BatchJob): void {
    this.#drive.eachFound(job.batch.bytes, this.#dispatch.shift, (number, verdict, start, end) => {
      this.#openLine(start, end, number);
      const fast = this.#lanes[number]?.fast;
      if (fast !== undefined) this.#tellShort(verdict, fast, job);
    });
    if (this.#survey === null) return;
    for (const number of this.#lanes.keys()) this.#survey.onPrefixed(this.#drive.drainPrefixed(number));
  }

  /** Gives the fast matchers the position of the piece. */
  #placePiece(): void {
    const shared = this.#dispatch.shared;
    const origin = -this.#dispatch.shift;
    for (const lane of this.#lanes) {
      if (lane === null) continue;
      lane.look.shared = shared;
      lane.look.origin = origin;
    }
  }

  /** Matches the line with the fast matcher; false if it needs processLine(). */
  #matchFast(number: number, job: BatchJob): boolean {
    const lane = this.#lanes[number];
    if (lane === undefined || lane === null) return false;
    const { fast, look } = lane;
    const { start, end } = this.#place;
    if (end - start >= this.#quarantine.from(number)) return false;
    const { cursor } = this;
    cursor.window = NO_WINDOW;
    cursor.regex = null;
    cursor.worker = number;
    const { times } = job.batch;
    const time = times === null ? null : (times[cursor.index] ?? null);
    const verdict = matchLine(fast, this.#place, look, time);
    if (verdict === 'general') return false;
    this.#short.verdict = verdict;
    cursor.done = this.#short;
    this.finish(job);
    return true;
  }

  /** Commits and reports the open line's result, if it is known. May be interrupted and called again. */
  finish(job: BatchJob): void {
    const { cursor } = this;
    const { done, worker: number } = cursor;
    const worker = this.#workers[number];
    if (done === null || worker === undefined) return;
    const fast = this.#lanes[number]?.fast;
    if (done.outcome !== null) {
      if (fast !== undefined) confirmDate(fast);
      worker.state.sessions.commit();
      this.#tellLong(done.outcome, done.text, job);
    } else if (fast !== undefined) {
      commitFast(fast, this.#place);
      this.#tellShort(done.verdict, fast, job);
    }
    // V8 interrupts only at calls and loop turns, so the next three lines are atomic.
    cursor.worker = number + 1;
    cursor.window = null;
    cursor.done = null;
  }

  #tellShort(verdict: LineVerdict, fast: FastFilter, { results }: BatchJob): void {
    const { cursor } = this;
    const { outcome } = fast;
    if (verdict === 'judged' && outcome !== null) {
      if (this.#survey !== null) this.#tellJudged(this.#survey, outcome);
      else if (outcome.failures.length > 0) results.addOutcome(cursor.worker, outcome);
    } else if (this.#survey !== null) this.#survey.onShort(verdict, fast, cursor.line, cursor.lineEnd);
    else if (verdict === 'matched') results.addAddress(cursor.worker, fast.ip, fast.time);
  }

  #tellLong(outcome: LineOutcome, text: string, { results }: BatchJob): void {
    const { line, lineEnd, worker } = this.cursor;
    if (this.#survey !== null) this.#survey.onLong(outcome, text, line, lineEnd);
    else if (outcome.failures.length > 0 || outcome.warning !== null) results.addOutcome(worker, outcome);
  }

  #tellJudged(survey: Survey, outcome: LineOutcome): void {
    const { line, lineEnd } = this.cursor;
    survey.onLong(outcome, survey.decode(this.#bytes.subarray(line, lineEnd), line), line, lineEnd);
  }

  /** Decodes the open line. */
  lineOf({ bytes, times }: Batch): LineInput {
    const { line, lineEnd, index } = this.cursor;
    const text =
      this.#survey === null
        ? bytes.toString('utf8', line, lineEnd)
        : this.#survey.decode(bytes.subarray(line, lineEnd), line);
    return { text, time: times?.[index] ?? null };
  }

  closeLine(): void {
    this.cursor.at = this.cursor.lineEnd + 1;
    this.cursor.isOpen = false;
  }

  #matchFully(number: number, line: LineInput, job: BatchJob, slow: SlowLine | null): void {
    const { batch, now } = job;
    const { cursor } = this;
    const worker = this.#workers[number];
    if (worker === undefined) return;
    cursor.window = worker.state.window;
    cursor.regex = null;
    cursor.worker = number;
    const isHeld = this.#quarantine.from(number) < Number.POSITIVE_INFINITY;
    const length = isHeld ? textLength(line.text, worker.state.window) : 0;
    const isLeftOut = (regex: number | null): boolean => {
      if (slow?.skipped.has(regex)) return true;
      if (!isHeld || !this.#quarantine.holds(number, regex, length)) return false;
      this.#survey?.onHeld?.(regex, cursor.line);
      return true;
    };
    if (isLeftOut(null)) {
      cursor.worker = number + 1;
      cursor.window = null;
      return;
    }
    const outcome = processUncommitted(worker.filter, worker.state, line, {
      mode: this.#survey === null ? (batch.live ? 'live' : 'catchup') : 'test',
      findtime: worker.findtime,
      isFresh: (batch.writtenSince ?? Number.NEGATIVE_INFINITY) >= now - worker.findtime,
      now,
      checkAll: this.#survey?.checkAll ?? false,
      mayMatch: (index) => {
        if (slow !== null) charge(slow, cursor.regex);
        cursor.regex = index;
        return this.#dispatch.mayMatch(number, index) && !isLeftOut(index);
      },
    });
    cursor.done = { verdict: 'general', outcome, text: line.text };
    this.finish(job);
  }

  /** Matches the open line with one worker, from the beginning. */
  matchOne(number: number, job: BatchJob, slow: SlowLine): void {
    const { line, lineEnd } = this.cursor;
    this.cursor.worker = number;
    this.#dispatch.eachLine(job.batch.bytes, line, Math.min(lineEnd + 1, job.batch.end), () => {
      if (this.#dispatch.concerns(number)) this.#matchFully(number, this.lineOf(job.batch), job, slow);
    });
  }
}

/** The length of the text to match, with the lines before it for a filter of several lines. */
export function textLength(text: string, window: FilterState['window']): number {
  return window.reduce((sum, { before, after }) => sum + before.length + after.length, text.length);
}
