/**
 * Matches every line of a log against one filter and returns all results, for `f2b regex`. Runs the engine
 * within the daemon's limits: a regex that is too slow is skipped for the line, and after a few such lines
 * for all similar ones. Use one PerLine for each log; it remembers the slow regexes.
 *
 *     for (const { line, outcome } of new PerLine(course).run(lines)) print(line.text, outcome.result);
 */

import { Engine } from './engine.ts';
import { MISSED } from './match.ts';
import type { Filter, FilterState, LineInput, LineOutcome } from './types.ts';

/** A line, and its number from 1. */
type NumberedLine = { readonly number: number; readonly line: LineInput };

/** A line and its outcome; `before` and `after` are the windows around it (maxlines). */
type ProcessedLine = NumberedLine & {
  readonly outcome: LineOutcome;
  readonly before: FilterState['window'];
  readonly after: FilterState['window'];
};

/** A regex that was too slow on a line: `regex` from 0; null: date, prefregex or ignoreregex. */
export type StuckLine = { readonly regex: number | null; readonly number: number; readonly line: string };

/** The filter and its options. */
type Course = {
  readonly filter: Filter;
  readonly state: FilterState;
  readonly checkAll: boolean;
  /** Epoch seconds. */
  readonly now: number;
  /** Called for each regex that was interrupted on a line, or skipped because of its quarantine. */
  onStuck(stuck: StuckLine): void;
};

const GIVEN_UP: LineOutcome = { ...MISSED, time: null, warning: null };

export class PerLine {
  readonly #engine: Engine;
  readonly #course: Course;
  /** The lines of the batch, and the outcomes known so far. */
  #lines: readonly NumberedLine[] = [];
  #bytes = Buffer.alloc(0);
  #processed: (ProcessedLine | undefined)[] = [];
  /** Index and byte offset of the current line. */
  #index = 0;
  #start = 0;
  #before: FilterState['window'] = [];

  constructor(course: Course) {
    const { filter, state, checkAll } = course;
    this.#course = course;
    const worker = { jail: '', filter, state, findtime: 0, keepsFields: true };
    this.#engine = new Engine([worker], ({ regex, at }) => this.#onStuck(regex, at), {
      ...{ checkAll, isEach: true },
      isComment: () => false,
      decode: (_, start) => this.#lines[this.#indexOf(start)]?.line.text ?? '',
      onLong: (outcome, _, start) => this.#onOutcome(outcome, this.#indexOf(start)),
      onHeld: (regex, start) => this.#onStuck(regex, start),
      onShort: () => undefined,
      onPrefixed: () => undefined,
    });
  }

  /** The outcomes of all lines, in order. */
  run(lines: readonly NumberedLine[]): readonly ProcessedLine[] {
    const bytes = Buffer.from(lines.map(({ line }) => `${line.text}\n`).join(''));
    this.#lines = lines;
    this.#bytes = bytes;
    this.#processed = [];
    this.#index = 0;
    this.#start = 0;
    this.#before = this.#course.state.window;
    const hasTimes = lines.some(({ line }) => line.time !== null);
    const times = hasTimes ? lines.map(({ line }) => line.time) : null;
    this.#engine.run({ bytes, start: 0, end: bytes.length, times, live: true }, this.#course.now);
    return lines.map((one, i) => this.#processed[i] ?? { ...one, outcome: GIVEN_UP, before: [], after: [] });
  }

  /**
   * The index of the line at `start`; the engine reports lines in order. May be interrupted and called again.
   */
  #indexOf(start: number): number {
    while (this.#start < start) {
      const next = this.#bytes.indexOf(10, this.#start) + 1;
      this.#start = next;
      this.#index++;
    }
    return this.#index;
  }

  #onOutcome(outcome: LineOutcome, index: number): void {
    const line = this.#lines[index];
    if (line === undefined || this.#processed[index] !== undefined) return;
    const after = this.#course.state.window;
    const { number, line: input } = line;
    this.#processed[index] = { number, line: input, outcome, before: this.#before, after };
    this.#before = after;
  }

  #onStuck(regex: number | null, at: number): void {
    const line = this.#lines[this.#indexOf(at)];
    if (line !== undefined) this.#course.onStuck({ regex, number: line.number, line: line.line.text });
  }
}
