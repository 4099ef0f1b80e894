import { Script } from 'node:vm';
import { type Dispatch, makeDispatch } from './engine/dispatch.ts';
import { codeOf } from './errors.ts';
import { type Filter, type FilterState, type Outcome, processLine } from './filter.ts';
import type { Batch } from './linesource.ts';

/** A jail's filter at work on a stream. */
export type Worker = {
  readonly jail: string;
  readonly filter: Filter;
  readonly state: FilterState;
  /** Seconds. */
  readonly findtime: number;
};

/** What a line led to in a worker (by its place in the list). */
export type Result = { readonly worker: number; readonly outcome: Outcome };

/** A regex that took too long on a line; `isQuarantined`: it is not used any more. `regex` null = date or prefregex. */
export type Stuck = {
  readonly worker: Worker;
  readonly regex: number | null;
  readonly line: string;
  readonly isQuarantined: boolean;
};

/** How long matching may take before it is interrupted, and then once more for the line alone, in milliseconds. */
const LIMIT_MS = 40;
const SECOND_LIMIT_MS = 80;
/** A regex that was stuck on so many lines is put into quarantine. */
const STRIKES = 3;

const WORK = Symbol.for('f2b.work');
const SCRIPT = new Script(`globalThis[Symbol.for('f2b.work')]()`);

/**
 * Runs `work` and interrupts it after `limitMs`, also within a regex: V8 backtracks without end on some patterns, and this
 * is the one thing that stops it. Costs about 0.1 ms a call. Null when it came to its end, else the milliseconds of
 * processor time that it had: on a busy machine far less than the limit, which is a clock's.
 */
function within(limitMs: number, work: () => void): number | null {
  Object.assign(globalThis, { [WORK]: work });
  const before = process.threadCpuUsage();
  try {
    SCRIPT.runInThisContext({ timeout: limitMs });
    return null;
  } catch (error) {
    if (codeOf(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  }
}

/** Where matching stands; written all the time, so that an interruption knows what it interrupted. */
type Cursor = { line: number; lineEnd: number; worker: number; regex: number | null; index: number };

/**
 * Takes batches of lines through many filters at once. Only lines that hold a literal which some failregex cannot do
 * without are decoded at all, and only the failregexes whose literals are there are tried. Work is bounded in time: a
 * regex that is stuck on a line is skipped for that line, told, and after some such lines used no more; every other line
 * and filter gets its due.
 */
export class Engine {
  readonly workers: readonly Worker[];
  readonly #dispatch: Dispatch;
  readonly #onStuck: (stuck: Stuck) => void;
  readonly #strikes = new Map<string, number>();
  readonly #quarantine = new Set<string>();
  /** What is skipped on the line that the cursor resumes at: `worker regex`, or `worker null` for all of the worker. */
  #skipped = new Set<string>();
  #cursor: Cursor = { line: 0, lineEnd: 0, worker: 0, regex: null, index: 0 };

  constructor(workers: readonly Worker[], onStuck: (stuck: Stuck) => void) {
    this.workers = workers;
    this.#dispatch = makeDispatch(workers.map(({ filter }) => filter));
    this.#onStuck = onStuck;
  }

  /** Matches the batch and answers what it led to, in order. `now` in epoch seconds. */
  run(batch: Batch, now: number): readonly Result[] {
    const results: Result[] = [];
    this.#cursor = { line: batch.start, lineEnd: batch.start, worker: 0, regex: null, index: 0 };
    this.#skipped.clear();
    let suspect = '';
    /** Times that the machine was too slow to tell. */
    let slow = 0;
    for (;;) {
      const { line, worker } = this.#cursor;
      const isAgain = suspect === `${line} ${worker}`;
      const resumed = { ...this.#cursor };
      const limit = isAgain ? SECOND_LIMIT_MS * 2 ** slow : LIMIT_MS;
      const usedMs = within(limit, () => this.#match(batch, now, resumed, results));
      if (usedMs === null) return results;
      const { line: stuckLine, worker: stuckWorker } = this.#cursor;
      const place = `${stuckLine} ${stuckWorker}`;
      // The machine may just have been slow: only what is interrupted twice in the same place, and was at work, is stuck.
      const isSame = place === `${resumed.line} ${resumed.worker}`;
      const isTried = suspect === place && isSame;
      slow = isTried && usedMs < LIMIT_MS ? slow + 1 : 0;
      if (isTried && slow === 0) this.#strike(batch);
      else if (!isSame) this.#skipped.clear();
      suspect = place;
    }
  }

  #match(batch: Batch, now: number, from: Cursor, results: Result[]): void {
    const { bytes, end, times } = batch;
    const cursor = this.#cursor;
    let counted = from.line;
    this.#dispatch.eachLine(bytes, from.line, end, (start, stop) => {
      if (times !== null) {
        for (; counted < start; counted = bytes.indexOf(10, counted) + 1) cursor.index++;
      }
      const isResumed = start === from.line;
      if (!isResumed) this.#skipped.clear();
      cursor.line = start;
      cursor.lineEnd = stop;
      const line = { text: bytes.toString('utf8', start, stop), time: times?.[cursor.index] ?? null };
      for (let worker = isResumed ? from.worker : 0; worker < this.workers.length; worker++) {
        if (!this.#dispatch.concerns(worker)) continue;
        this.#process(worker, line, { batch, now, results });
      }
    });
  }

  #process(
    number: number,
    line: { readonly text: string; readonly time: number | null },
    { batch, now, results }: { readonly batch: Batch; readonly now: number; readonly results: Result[] },
  ): void {
    const cursor = this.#cursor;
    const worker = this.workers[number];
    cursor.worker = number;
    cursor.regex = null;
    if (worker === undefined || this.#skipped.has(`${number} null`)) return;
    const hasExceptions = this.#skipped.size > 0 || this.#quarantine.size > 0;
    const outcome = processLine(worker.filter, worker.state, line, {
      mode: batch.live ? 'live' : 'catchup',
      findtime: worker.findtime,
      now,
      mayMatch: (index) => {
        cursor.regex = index;
        if (!this.#dispatch.mayMatch(number, index)) return false;
        if (!hasExceptions) return true;
        const key = `${number} ${index}`;
        return !this.#skipped.has(key) && !this.#quarantine.has(key);
      },
    });
    if (outcome.failures.length > 0 || outcome.warning !== null) results.push({ worker: number, outcome });
    // An interruption comes at calls and loops only: what is told is done with in the same breath.
    cursor.worker = number + 1;
  }

  #strike({ bytes }: Batch): void {
    const { line, lineEnd, worker: number, regex } = this.#cursor;
    const worker = this.workers[number];
    const key = `${number} ${regex}`;
    this.#skipped.add(key);
    const strikes = (this.#strikes.get(key) ?? 0) + 1;
    this.#strikes.set(key, strikes);
    const isQuarantined = strikes >= STRIKES && regex !== null;
    if (isQuarantined) this.#quarantine.add(key);
    if (worker === undefined) return;
    const text = bytes.toString('utf8', line, Math.min(lineEnd, line + 200));
    this.#onStuck({ worker, regex, line: text, isQuarantined });
  }
}
