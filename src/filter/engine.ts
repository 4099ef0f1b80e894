/**
 * Matches batches of lines against the filters of many jails and returns their failures.
 *
 * No line can stall it. A regex that is too slow on a line is skipped for that line and reported to
 * `onStuck`; after a few such lines it is no longer used on lines of that length. All other regexes still see
 * the line.
 *
 *     const engine = new Engine([{ jail: 'sshd', filter, state, findtime: 600, keepsFields: false }], onStuck);
 *     for (const { worker, ip, time, outcome } of engine.run(batch, now)) count(worker, ip, time, outcome);
 */

import { within } from '../base/timelimit.ts';
import type { Batch } from '../source/source.ts';
import { UNWATCHED } from './fast/search.ts';
import { Quarantine, type StuckRegex } from './guard/quarantine.ts';
import { matchSlowLine, type Spent, tooMuch, warmUp } from './guard/slowline.ts';
import { Results } from './results.ts';
import { type BatchJob, ResumableMatcher, SLOW, textLength } from './resumable.ts';
import type { Survey, Worker } from './types.ts';

export type { SameDateRun, Stretch } from './fast/finder.ts';
export { countLines, countSameDates, lendBytes } from './fast/finder.ts';
export type { StuckRegex } from './guard/quarantine.ts';
export type { Result } from './results.ts';

/**
 * A regex that took too long on a line. `regex` null: date, prefregex or ignoreregex. `from`: the regex is in
 * quarantine for lines of at least this length until the next reload; null: skipped for this line only.
 */
export type Stuck = {
  readonly worker: Worker;
  readonly regex: number | null;
  readonly line: string;
  /** Offset of the line in the batch. */
  readonly at: number;
  readonly from: number | null;
};

/** Milliseconds before a batch is interrupted; about ten times what a batch takes. */
const LIMIT_MS = 20;
/** Milliseconds without a time limit: compiled regexes cannot explode, but they can be slow. */
const FREE_MS = 10;
/** Most lines of a batch that get a time limit of their own, which costs 0.2 ms each. */
const MOST_WATCHED = 8;
/** Number of batches matched under a time limit after a batch with more such lines. */
const PATIENCE = 8;
/** The limit is doubled up to this when the process gets no processor time. */
const MOST_LIMIT_MS = 1000;

/** Runs a ResumableMatcher under time limits. */
export class Engine {
  readonly workers: readonly Worker[];
  readonly #onStuck: (stuck: Stuck) => void;
  /** Reused: valid until the next run(). */
  readonly #results = new Results();
  readonly #quarantine = new Quarantine();
  readonly #matcher: ResumableMatcher;
  /** Batches still to be matched under a time limit before matching without one is tried again. */
  #watched = 0;

  /** With a survey, dates are used as written, and results go to the survey only. */
  constructor(workers: readonly Worker[], onStuck: (stuck: Stuck) => void, survey: Survey | null = null) {
    this.workers = workers;
    this.#onStuck = onStuck;
    this.#matcher = new ResumableMatcher(workers, this.#quarantine, survey);
  }

  /**
   * Matches the batch and returns its results in order; valid until the next call. `now` in epoch seconds.
   */
  run(batch: Batch, now: number): Results {
    this.#results.clear();
    const job: BatchJob = { batch, now, results: this.#results };
    if (this.#matcher.compile()) this.#watched = 0;
    this.#matcher.begin(batch);
    try {
      if (!this.#matchFreely(job)) this.#matchWatched(job);
    } finally {
      for (const { state } of this.workers) state.sessions.keep();
    }
    return job.results;
  }

  /** The regexes that were ever stuck. */
  stuck(): readonly StuckRegex[] {
    return this.#quarantine.all();
  }

  #matchWatched(job: BatchJob): void {
    const { cursor } = this.#matcher;
    let limitMs = LIMIT_MS;
    for (;;) {
      const at = cursor.isOpen ? cursor.line : cursor.at;
      if (within(limitMs, () => this.#matcher.match(job, null)) === null) return;
      // Perhaps nothing is stuck: the clock also runs while other processes have the processor.
      limitMs = cursor.isOpen || cursor.at > at ? LIMIT_MS : Math.min(limitMs * 2, MOST_LIMIT_MS);
      if (cursor.isOpen) this.#matchSlowLine(job);
    }
  }

  /**
   * Matches without a time limit as long as only compiled regexes, whose work is bounded, are needed. A line
   * that needs others is matched under a limit. False if there are many such lines, or matching is slow: then
   * the rest of the batch needs a limit.
   */
  #matchFreely(job: BatchJob): boolean {
    const { cursor, hasFast } = this.#matcher;
    if (!hasFast) return false;
    if (this.#watched > 0) {
      this.#watched--;
      return false;
    }
    const untilMs = performance.now() + FREE_MS;
    for (let lines = 0; ; lines++) {
      const reason = this.#matchUntil(job, untilMs);
      if (reason !== UNWATCHED) return reason === null;
      if (lines === MOST_WATCHED) {
        this.#watched = PATIENCE;
        return false;
      }
      const end = Math.min(cursor.lineEnd + 1, job.batch.end);
      this.#matchWatched({ ...job, batch: { ...job.batch, end } });
      Object.assign(cursor, { at: end, isOpen: false });
    }
  }

  /**
   * Continues without a limit until `untilMs` (performance.now()). Returns why it stopped; null at the end of
   * the batch.
   */
  #matchUntil(job: BatchJob, untilMs: number): symbol | null {
    try {
      this.#matcher.match(job, () => performance.now() > untilMs);
      return null;
    } catch (error) {
      if (error !== SLOW && error !== UNWATCHED) throw error;
      return error;
    }
  }

  /** Matches the interrupted line with the remaining workers, one by one, and finds the slow regexes. */
  #matchSlowLine(job: BatchJob): void {
    const { cursor } = this.#matcher;
    const spent: Spent[] = [];
    this.#matcher.finish(job);
    const first = cursor.worker;
    for (const [number, worker] of this.workers.entries()) {
      if (number < first) continue;
      const before = (number === first ? cursor.window : null) ?? worker.state.window;
      for (const [regex, ms] of this.#tryWorker(number, job, before))
        spent.push({ worker: number, regex, ms });
    }
    // Each regex may be quick enough, and all of them together too slow.
    for (const { worker, regex } of tooMuch(spent)) {
      if (!this.#quarantine.doubts(worker, regex, job.now)) this.#strike(job, worker, regex);
    }
    this.#matcher.closeLine();
  }

  /**
   * The cost of each regex; empty if the filter gives up on the line. `before`: the window before the line.
   */
  #tryWorker(number: number, job: BatchJob, before: Worker['state']['window']) {
    const matcher = this.#matcher;
    const { state, filter } = this.workers[number] ?? {};
    if (state === undefined || filter === undefined) return [];
    warmUp(filter, matcher.lineOf(job.batch).text);
    const costs = matchSlowLine(
      {
        run: (slow) => {
          state.window = before;
          matcher.matchOne(number, job, slow);
        },
        regex: () => matcher.cursor.regex,
        isDone: () => {
          matcher.finish(job);
          return matcher.cursor.worker > number;
        },
        doubts: (regex) => this.#quarantine.doubts(number, regex, job.now),
        onStuck: (regex) => this.#strike(job, number, regex),
      },
      this.#quarantine.suspects(number),
    );
    if (costs === null) state.window = before;
    return costs ?? [];
  }

  #strike({ batch, now }: BatchJob, number: number, regex: number | null): void {
    const { line: at, lineEnd } = this.#matcher.cursor;
    const worker = this.workers[number];
    if (worker === undefined) return;
    const line = batch.bytes.toString('utf8', at, Math.min(lineEnd, at + 200));
    const length = textLength(this.#matcher.lineOf(batch).text, worker.state.window);
    const from = this.#quarantine.strike(number, regex, { length, line, now });
    this.#onStuck({ worker, regex, line, at, from });
  }
}
