import { isAscii } from 'node:buffer';
import { within } from '../base/timelimit.ts';
import type { Batch } from '../source/source.ts';
import { asciiText } from './ascii.ts';
import type { DatePlace } from './date/datepattern.ts';
import { type Dispatch, makeDispatch } from './fast/dispatch.ts';
import { BatchMatcher } from './fast/drive.ts';
import { moduleFor } from './fast/finder.ts';
import {
  commitFast,
  compileWanted,
  type FastFilter,
  type LineContext,
  makeFastFilter,
  matchLine,
  noteJudged,
} from './fast/judge.ts';
import { UNWATCHED } from './fast/search.ts';
import { DONE, HELD, LEFT, PAUSED, RECORD_END } from './fast/wasm/layout.ts';
import { Quarantine, type StuckRegex } from './guard/quarantine.ts';
import {
  type Attempt,
  charge,
  matchSlowLine,
  type SlowLine,
  type Spent,
  tooMuch,
  warmUp,
} from './guard/slowline.ts';
import { takeLine } from './line.ts';
import { Results } from './results.ts';
import type { Filter, FilterState, LineOutcome, LineVerdict } from './types.ts';

export type { Stretch } from './fast/finder.ts';
export { countLines, countSameDates, lendBytes, type SameDateRun } from './fast/finder.ts';

export type { StuckRegex } from './guard/quarantine.ts';
export type { Result } from './results.ts';

/** A jail's filter at work on a stream. */
export type Worker = {
  readonly jail: string;
  readonly filter: Filter;
  readonly state: FilterState;
  /** Seconds. */
  readonly findtime: number;
  /** Somebody wants a failure's fields and lines; without them it costs a fifth. */
  readonly keepsFields: boolean;
};

/**
 * A regex that took too long on a line. `regex` null = date, prefregex or ignoreregex; `from`: from this length on it is not
 * used on any line until the next reload, null: skipped for this line only.
 */
export type Stuck = {
  readonly worker: Worker;
  readonly regex: number | null;
  readonly line: string;
  /** Where the line begins in the batch. */
  readonly at: number;
  readonly from: number | null;
};

/** How long a batch may take before it is interrupted, in milliseconds; some ten times of what one takes. */
const LIMIT_MS = 20;
/** So many bytes are searched at a time. */
const PIECE = 65536;
/** What cannot explode may be slow all the same: after so many milliseconds the clock is watched nevertheless. */
const FREE_MS = 10;
/** So many lines of a batch are matched under a limit by themselves, which costs 0.2 ms for each. */
const MOST_WATCHED = 8;
/** So many batches have the clock watched after one with more of them. */
const PATIENCE = 8;
/** So many lines, or one of so many bytes, are matched between two looks at the time. */
const LINES = 32;
const FULL_LINE = 512;
/** A batch that gets no processor is given more of the clock, up to this. */
const MOST_LIMIT_MS = 1000;

/** Bytes; a smaller batch is not worth the preparation. */
const WORTH_DRIVING = 4096;

const SLOW = Symbol('slow');
/** Sources cut it off; where it stands, it is no part of the line. */
const CR = 13;
const NO_WINDOW: FilterState['window'] = [];

/** Where matching stands; written all the time, so that an interruption knows what it interrupted. */
type Cursor = {
  /** Where to go on while no line is open. */
  at: number;
  isOpen: boolean;
  /** The open line, the first worker that is not done with it, and that worker's regex and, once it has begun, its window of before. */
  line: number;
  lineEnd: number;
  worker: number;
  regex: number | null;
  window: FilterState['window'] | null;
  /** Lines begin before `counted` so many times since the batch's start; for batches whose lines have times. */
  counted: number;
  index: number;
  /** What became of the open line in the worker, from when that is known until it is told. */
  done: Done | null;
};

/** `outcome` null: the short way's verdict. */
type Done = { verdict: LineVerdict; outcome: LineOutcome | null; text: string };

/** Told of every line that matched a failregex or ignoreregex, and perhaps of others, for whoever counts those: f2b regex. Offsets are the batch's. */
export type Survey = {
  readonly checkAll: boolean;
  /** All lines are told by onLong(), also those that no regex can match. */
  readonly isEach?: boolean;
  /** Whether what begins there is no line of a log. */
  isComment(bytes: Uint8Array, start: number): boolean;
  /** The text of a line that goes the long way. */
  decode(bytes: Uint8Array): string;
  /** The line went the short way: what became of it stands in `express`. */
  onShort(verdict: LineVerdict, fast: FastFilter, start: number, end: number): void;
  onLong(outcome: LineOutcome, text: string, start: number, end: number): void;
  /** A regex (null = date, prefregex, ignoreregex) was not tried on the line, since it had been stuck on its like. */
  onHeld?(regex: number | null, start: number): void;
  /** So many lines matched prefregex and no more. */
  onPrefixed(lines: number): void;
};

/** Addresses of the records that a finder made; `isPlain`: all is ASCII. */
type Records = { readonly first: number; readonly last: number; readonly isPlain: boolean };

/** A batch on its way. */
type BatchJob = { readonly batch: Batch; readonly now: number; readonly results: Results };

type BatchLine = { readonly text: string; readonly time: number | null };

/** A worker's short way, see filter/fast/judge.ts. */
type Lane = { readonly fast: FastFilter; readonly look: LineContext };

/**
 * Takes batches of lines through many filters at once. Only lines that hold a literal which some failregex cannot do
 * without are decoded at all, and only the failregexes whose literals are there are tried. Work is bounded in time: a
 * regex that is stuck on a line is skipped for that line, told, and after some such lines no longer used on their like;
 * every other line and filter gets its due.
 */
export class Engine {
  readonly workers: readonly Worker[];
  readonly #dispatch: Dispatch;
  readonly #onStuck: (stuck: Stuck) => void;
  readonly #survey: Survey | null;
  /** Lent to who called run(), until the next time. */
  readonly #results = new Results();
  readonly #quarantine = new Quarantine();
  readonly #lanes: readonly (Lane | null)[];
  readonly #drive: BatchMatcher;
  #isDriving = false;
  /** What may be stuck must not be tried. */
  #isUnwatched = false;
  /** The open line. */
  readonly #place: DatePlace = { codes: new Uint8Array(0), start: 0, end: 0 };
  readonly #short: Done = { verdict: 'missed', outcome: null, text: '' };
  /** By performance.now(); 0 = within a time limit. */
  #freeUntilMs = 0;
  #lines = 0;
  /** So many batches are matched under a time limit before it is tried again without. */
  #watched = 0;
  #bytes: Batch['bytes'] = Buffer.alloc(0);
  readonly #cursor: Cursor = {
    ...{ at: 0, isOpen: false, line: 0, lineEnd: 0, worker: 0, regex: null, window: [] },
    ...{ counted: 0, index: 0, done: null },
  };

  /** With a survey dates are taken as they stand, and nothing is answered but to it. */
  constructor(workers: readonly Worker[], onStuck: (stuck: Stuck) => void, survey: Survey | null = null) {
    this.workers = workers;
    this.#survey = survey;
    this.#dispatch = makeDispatch(
      workers.map(({ filter }) => filter),
      { all: survey !== null, each: survey?.isEach === true },
    );
    this.#onStuck = onStuck;
    const isEach = survey?.isEach === true;
    this.#lanes = workers.map((worker, number) => (isEach ? null : this.#laneOf(worker, number)));
    const [tellsAll, checksAll] = [survey !== null, survey?.checkAll === true];
    this.#drive = new BatchMatcher(this.#lanes, { tellsAll, checksAll });
  }

  #laneOf({ filter, state, findtime, keepsFields }: Worker, number: number): Lane | null {
    const fast = makeFastFilter(filter, state);
    if (fast === null) return null;
    const cursor = this.#cursor;
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

  /** Matches the batch and answers what it led to, in order; lent until the next call. `now` in epoch seconds. */
  run(batch: Batch, now: number): Results {
    this.#results.clear();
    const job: BatchJob = { batch, now, results: this.#results };
    for (const lane of this.#lanes) {
      if (lane === null || lane.look.shared === null) continue;
      if (compileWanted(lane.fast, lane.look.shared) === 0) continue;
      this.#drive.renew();
      this.#watched = 0;
    }
    const cursor = this.#cursor;
    Object.assign(cursor, { at: batch.start, isOpen: false, counted: batch.start, index: 0, done: null });
    try {
      if (!this.#matchFreely(job)) this.#matchWatched(job);
    } finally {
      for (const { state } of this.workers) state.sessions.keep();
    }
    return job.results;
  }

  #matchWatched(job: BatchJob): void {
    const cursor = this.#cursor;
    let limitMs = LIMIT_MS;
    for (;;) {
      const at = cursor.isOpen ? cursor.line : cursor.at;
      if (within(limitMs, () => this.#match(job, at)) === null) return;
      // Nothing may be stuck at all: a clock goes on also while others have the processor.
      limitMs = cursor.isOpen || cursor.at > at ? LIMIT_MS : Math.min(limitMs * 2, MOST_LIMIT_MS);
      if (cursor.isOpen) this.#matchClosely(job);
    }
  }

  /**
   * Matches without a limit where nothing but compiled regexes, whose work is bounded, is used. A line that needs more is matched under a limit, and so is what is left when there are many of those, or it is slow: then the
   * answer is false.
   */
  #matchFreely(job: BatchJob): boolean {
    const cursor = this.#cursor;
    if (this.#watched > 0) {
      this.#watched--;
      return false;
    }
    const untilMs = performance.now() + FREE_MS;
    for (let lines = 0; ; lines++) {
      const left = this.#matchUntil(job, untilMs);
      if (left !== UNWATCHED) return left === null;
      if (lines === MOST_WATCHED) {
        this.#watched = PATIENCE;
        return false;
      }
      const end = Math.min(cursor.lineEnd + 1, job.batch.end);
      this.#matchWatched({ ...job, batch: { ...job.batch, end } });
      Object.assign(cursor, { at: end, isOpen: false });
    }
  }

  /** Goes on without a limit until then (by performance.now()); answers what stands in the way of more, null: nothing. */
  #matchUntil(job: BatchJob, untilMs: number): symbol | null {
    const { isOpen, line, at } = this.#cursor;
    this.#freeUntilMs = untilMs;
    this.#setUnwatched(true);
    try {
      this.#match(job, isOpen ? line : at);
      return null;
    } catch (error) {
      if (error !== SLOW && error !== UNWATCHED) throw error;
      return error;
    } finally {
      this.#freeUntilMs = 0;
      this.#setUnwatched(false);
    }
  }

  #setUnwatched(isUnwatched: boolean): void {
    this.#isUnwatched = isUnwatched;
    for (const lane of this.#lanes) if (lane !== null) lane.look.isUnwatched = isUnwatched;
  }

  /** The regexes that were ever stuck, by worker. */
  stuck(): readonly StuckRegex[] {
    return this.#quarantine.all();
  }

  #match(job: BatchJob, from: number): void {
    const { bytes, end, live } = job.batch;
    for (const lane of this.#lanes) {
      if (lane === null) continue;
      lane.look.mode = this.#survey === null ? (live ? 'live' : 'catchup') : 'test';
      lane.look.now = job.now;
    }
    this.#bytes = bytes;
    this.#place.codes = bytes;
    this.#isDriving = this.#freeUntilMs > 0 && this.#beginDrive(job);
    for (let start = from; start < end; ) {
      const last = end - start <= PIECE ? end - 1 : bytes.lastIndexOf(10, start + PIECE - 1);
      // A longer line has a piece of its own.
      const stop = (last >= start ? last : bytes.indexOf(10, start)) + 1;
      this.#matchPiece(job, start, stop === 0 ? end : stop);
      start = stop === 0 ? end : stop;
    }
  }

  #matchPiece(job: BatchJob, from: number, to: number): void {
    const { bytes, times } = job.batch;
    const cursor = this.#cursor;
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
      // A line that is open is gone on with.
      this.#openLine(start, stop, cursor.isOpen ? cursor.worker : 0);
      if (this.#survey?.isComment(bytes, start) !== true) this.#takeOpen(job, this.workers.length, isPlain);
      this.#closeLine();
      if (this.#freeUntilMs === 0 || (++this.#lines % LINES !== 0 && stop - start < FULL_LINE)) return;
      if (performance.now() > this.#freeUntilMs) throw SLOW;
    });
  }

  #openLine(start: number, stop: number, worker: number): void {
    const cursor = this.#cursor;
    cursor.line = start;
    cursor.lineEnd = stop;
    cursor.worker = worker;
    cursor.isOpen = true;
    this.#place.start = start;
    this.#place.end = stop;
  }

  /** Takes the open line through its worker and those behind it, up to number `end`. */
  #takeOpen(job: BatchJob, end: number, isPlain: boolean): void {
    const { bytes } = job.batch;
    const { line: start, lineEnd: stop, worker: first } = this.#cursor;
    const isShort = (isPlain || isAscii(bytes.subarray(start, stop))) && bytes[stop - 1] !== CR;
    let line: BatchLine | null = null;
    for (let worker = first; worker < end; worker++) {
      if (!this.#dispatch.concerns(worker)) continue;
      if (isShort && this.#takeExpress(worker, job)) continue;
      if (this.#isUnwatched) throw UNWATCHED;
      line ??= this.#lineOf(job.batch);
      this.#process(worker, line, job, null);
    }
  }

  #beginDrive({ batch, now }: BatchJob): boolean {
    if (batch.times !== null || batch.end - batch.start < WORTH_DRIVING) return false;
    const wasm = moduleFor(batch.bytes);
    const literals = this.#dispatch.literals();
    if (wasm === null || literals === null) return false;
    return this.#drive.begin({ wasm, literals, now, most: (number) => this.#quarantine.from(number) });
  }

  /** Drives through the lines of the records; those that are left are taken one by one. */
  #driveRecords(job: BatchJob, { first, last, isPlain }: Records): void {
    const drive = this.#drive;
    const cursor = this.#cursor;
    const shift = this.#dispatch.shift();
    let [record, lane] = [first, 0];
    for (;;) {
      const reason = drive.go(record, last, lane, isPlain);
      record = drive.record;
      lane = drive.lane;
      this.#takeEntries(job);
      if (reason === DONE) return;
      if (reason === LEFT) this.#takeLeft(job, record, { lane, isPlain });
      if (reason === LEFT || reason === HELD) lane++;
      const start = (drive.words[record >> 2] ?? 0) + shift;
      cursor.at = start;
      if (lane > 0) this.#openLine(start, (drive.words[(record + RECORD_END) >> 2] ?? 0) + shift, lane);
      else cursor.isOpen = false;
      if (reason !== PAUSED && ++this.#lines % LINES !== 0) continue;
      if (performance.now() > this.#freeUntilMs) throw SLOW;
    }
  }

  /** Takes a line of a record, of which the drive is not sure, through one lane. */
  #takeLeft(job: BatchJob, record: number, { lane, isPlain }: { lane: number; isPlain: boolean }): void {
    const drive = this.#drive;
    const shift = this.#dispatch.shift();
    const { words } = drive;
    this.#dispatch.open(words, record);
    this.#openLine((words[record >> 2] ?? 0) + shift, (words[(record + RECORD_END) >> 2] ?? 0) + shift, lane);
    if (this.#survey?.isComment(job.batch.bytes, this.#cursor.line) === true) return;
    this.#takeOpen(job, lane + 1, isPlain);
    drive.refresh(lane);
  }

  /** Tells what the drive found. */
  #takeEntries(job: BatchJob): void {
    this.#drive.eachFound(job.batch.bytes, this.#dispatch.shift(), (number, verdict, start, end) => {
      this.#openLine(start, end, number);
      const fast = this.#lanes[number]?.fast;
      if (fast !== undefined) this.#tellShort(verdict, fast, job);
    });
    if (this.#survey === null) return;
    for (const number of this.#lanes.keys()) this.#survey.onPrefixed(this.#drive.takePrefixed(number));
  }

  /** Tells the short ways where the piece stands. */
  #placePiece(): void {
    const shared = this.#dispatch.shared();
    const origin = -this.#dispatch.shift();
    for (const lane of this.#lanes) {
      if (lane === null) continue;
      lane.look.shared = shared;
      lane.look.origin = origin;
    }
  }

  /** Takes the line the short way; false when it has to go the long one. */
  #takeExpress(number: number, job: BatchJob): boolean {
    const lane = this.#lanes[number];
    if (lane === undefined || lane === null) return false;
    const { fast, look } = lane;
    const { start, end } = this.#place;
    if (end - start >= this.#quarantine.from(number)) return false;
    const cursor = this.#cursor;
    cursor.window = NO_WINDOW;
    cursor.regex = null;
    cursor.worker = number;
    const { times } = job.batch;
    const time = times === null ? null : (times[cursor.index] ?? null);
    const verdict = matchLine(fast, this.#place, look, time);
    if (verdict === 'general') return false;
    this.#short.verdict = verdict;
    cursor.done = this.#short;
    this.#finish(job);
    return true;
  }

  /** Carries out and tells what became of the line; what is interrupted here is finished, nothing is tried again. */
  #finish(job: BatchJob): void {
    const cursor = this.#cursor;
    const { done, worker: number } = cursor;
    const worker = this.workers[number];
    if (done === null || worker === undefined) return;
    const fast = this.#lanes[number]?.fast;
    if (done.outcome !== null) {
      if (fast !== undefined) noteJudged(fast);
      worker.state.sessions.commit();
      this.#tellLong(done.outcome, done.text, job);
    } else if (fast !== undefined) {
      commitFast(fast, this.#place, job.now);
      this.#tellShort(done.verdict, fast, job);
    }
    // An interruption comes at calls and loops only: what is told is done with in the same breath.
    cursor.worker = number + 1;
    cursor.window = null;
    cursor.done = null;
  }

  #tellShort(verdict: LineVerdict, fast: FastFilter, { results }: BatchJob): void {
    const cursor = this.#cursor;
    const { outcome } = fast;
    if (verdict === 'judged' && outcome !== null) {
      if (this.#survey !== null) this.#tellJudged(this.#survey, outcome);
      else if (outcome.failures.length > 0) results.addOutcome(cursor.worker, outcome);
    } else if (this.#survey !== null) this.#survey.onShort(verdict, fast, cursor.line, cursor.lineEnd);
    else if (verdict === 'matched') results.addAddress(cursor.worker, fast.ip, fast.time);
  }

  #tellLong(outcome: LineOutcome, text: string, { results }: BatchJob): void {
    const { line, lineEnd, worker } = this.#cursor;
    if (this.#survey !== null) this.#survey.onLong(outcome, text, line, lineEnd);
    else if (outcome.failures.length > 0 || outcome.warning !== null) results.addOutcome(worker, outcome);
  }

  #tellJudged(survey: Survey, outcome: LineOutcome): void {
    const { line, lineEnd } = this.#cursor;
    survey.onLong(outcome, survey.decode(this.#bytes.subarray(line, lineEnd)), line, lineEnd);
  }

  #lineOf({ bytes, times }: Batch): BatchLine {
    const { line, lineEnd, index } = this.#cursor;
    const text =
      this.#survey === null
        ? bytes.toString('utf8', line, lineEnd)
        : this.#survey.decode(bytes.subarray(line, lineEnd));
    return { text, time: times?.[index] ?? null };
  }

  #closeLine(): void {
    this.#cursor.at = this.#cursor.lineEnd + 1;
    this.#cursor.isOpen = false;
  }

  #process(number: number, line: BatchLine, job: BatchJob, slow: SlowLine | null): void {
    const { batch, now } = job;
    const cursor = this.#cursor;
    const worker = this.workers[number];
    if (worker === undefined) return;
    cursor.window = worker.state.window;
    cursor.regex = null;
    cursor.worker = number;
    const isHeld = this.#quarantine.from(number) < Number.POSITIVE_INFINITY;
    const length = isHeld ? windowLength(line, worker) : 0;
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
    const outcome = takeLine(worker.filter, worker.state, line, {
      mode: this.#survey === null ? (batch.live ? 'live' : 'catchup') : 'test',
      findtime: worker.findtime,
      now,
      checkAll: this.#survey?.checkAll ?? false,
      mayMatch: (index) => {
        if (slow !== null) charge(slow, cursor.regex);
        cursor.regex = index;
        return this.#dispatch.mayMatch(number, index) && !isLeftOut(index);
      },
    });
    cursor.done = { verdict: 'general', outcome, text: line.text };
    this.#finish(job);
  }

  /** Takes the line that was interrupted through the rest of the workers, one by one, and finds out what is slow on it. */
  #matchClosely(job: BatchJob): void {
    const spent: Spent[] = [];
    this.#finish(job);
    for (let number = this.#cursor.worker; number < this.workers.length; number++) {
      const costs = this.#tryWorker(number, job, number === this.#cursor.worker);
      for (const [regex, ms] of costs ?? []) spent.push({ worker: number, regex, ms });
    }
    // Each may be quick enough by itself, and all of them together too slow.
    for (const { worker, regex } of tooMuch(spent)) {
      if (!this.#quarantine.doubts(worker, regex, job.now)) this.#strike(job, worker, regex);
    }
    this.#closeLine();
  }

  #tryWorker(
    number: number,
    job: BatchJob,
    isInterrupted: boolean,
  ): ReadonlyMap<number | null, number> | null {
    const { state, filter } = this.workers[number] ?? {};
    if (filter !== undefined) warmUp(filter, this.#lineOf(job.batch).text);
    const window = (isInterrupted ? this.#cursor.window : null) ?? state?.window ?? [];
    const attempt: Attempt = {
      run: (slow) => {
        if (state !== undefined) state.window = window;
        this.#again(number, job, slow);
      },
      regex: () => this.#cursor.regex,
      isDone: () => {
        this.#finish(job);
        return this.#cursor.worker > number;
      },
      doubts: (regex) => this.#quarantine.doubts(number, regex, job.now),
      onStuck: (regex) => this.#strike(job, number, regex),
    };
    const costs = matchSlowLine(attempt, this.#quarantine.suspects(number));
    if (costs === null && state !== undefined) state.window = window;
    return costs;
  }

  #again(number: number, job: BatchJob, slow: SlowLine): void {
    const { line, lineEnd } = this.#cursor;
    this.#cursor.worker = number;
    this.#dispatch.eachLine(job.batch.bytes, line, Math.min(lineEnd + 1, job.batch.end), () => {
      if (this.#dispatch.concerns(number)) this.#process(number, this.#lineOf(job.batch), job, slow);
    });
  }

  #strike({ batch, now }: BatchJob, number: number, regex: number | null): void {
    const { line, lineEnd } = this.#cursor;
    const worker = this.workers[number];
    if (worker === undefined) return;
    const text = batch.bytes.toString('utf8', line, Math.min(lineEnd, line + 200));
    const length = windowLength(this.#lineOf(batch), worker);
    const from = this.#quarantine.strike(number, regex, { length, line: text, now });
    this.#onStuck({ worker, regex, line: text, at: line, from });
  }
}

/** The length of what is matched: a filter of several lines sees those before it too. */
function windowLength({ text }: BatchLine, { filter, state }: Worker): number {
  if (filter.maxlines <= 1) return text.length;
  return state.window.reduce((sum, { before, after }) => sum + before.length + after.length, text.length);
}
