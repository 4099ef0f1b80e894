/**
 * Every line of a log through one filter, with all that became of it: `f2b regex` wants more than the failures.
 * Lines are matched by the engine, within the daemon's limits: a regex that is too slow is skipped for the line, and after
 * some such lines on all that are like them. One for each log; it remembers which regexes were slow.
 *
 *     for (const { line, outcome } of new PerLine(course).run(lines)) print(line.text, outcome.result);
 */

import { Engine } from './engine.ts';
import { MISSED } from './match.ts';
import type { Filter, FilterState, LineInput, LineOutcome } from './types.ts';

/** A line, and its number from 1. */
type NumberedLine = { readonly number: number; readonly line: LineInput };

/** A line with what became of it; `before` and `after` are the windows around it (maxlines). */
type ProcessedLine = NumberedLine & {
  readonly outcome: LineOutcome;
  readonly before: FilterState['window'];
  readonly after: FilterState['window'];
};

/** A regex that was too slow on a line: `regex` from 0, null = date, prefregex or ignoreregex. */
export type StuckLine = { readonly regex: number | null; readonly number: number; readonly line: string };

/** What the lines are matched with. */
type Course = {
  readonly filter: Filter;
  readonly state: FilterState;
  readonly checkAll: boolean;
  /** Epoch seconds. */
  readonly now: number;
  /** Called for each regex and line on which it was interrupted, or not tried because it had been too often. */
  onStuck(stuck: StuckLine): void;
};

const GIVEN_UP: LineOutcome = { ...MISSED, time: null, warning: null };

export class PerLine {
  readonly #engine: Engine;
  readonly #course: Course;
  /** The batch's lines by where they begin in it, and those of which the outcome is known. */
  #lines = new Map<number, NumberedLine>();
  #processed = new Map<number, ProcessedLine>();
  #before: FilterState['window'] = [];

  constructor(course: Course) {
    const { filter, state, checkAll } = course;
    this.#course = course;
    const worker = { jail: '', filter, state, findtime: 0, keepsFields: true };
    this.#engine = new Engine([worker], ({ regex, at }) => this.#onStuck(regex, at), {
      ...{ checkAll, isEach: true },
      isComment: () => false,
      decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
      onLong: (outcome, _, start) => this.#onOutcome(outcome, start),
      onHeld: (regex, start) => this.#onStuck(regex, start),
      onShort: () => undefined,
      onPrefixed: () => undefined,
    });
  }

  /** The outcomes of the lines, all of them, in order. */
  run(lines: readonly NumberedLine[]): readonly ProcessedLine[] {
    this.#lines = new Map();
    this.#processed = new Map();
    this.#before = this.#course.state.window;
    const texts = lines.map(({ line }) => Buffer.from(`${line.text}\n`));
    let end = 0;
    for (const [i, one] of lines.entries()) {
      this.#lines.set(end, one);
      end += texts[i]?.length ?? 0;
    }
    // Those of the journal have one, all of them.
    const known = lines.flatMap(({ line }) => line.time ?? []);
    const times = known.length === 0 ? null : known;
    this.#engine.run({ bytes: Buffer.concat(texts), start: 0, end, times, live: true }, this.#course.now);
    return [...this.#lines].map(
      ([at, one]) => this.#processed.get(at) ?? { ...one, outcome: GIVEN_UP, before: [], after: [] },
    );
  }

  #onOutcome(outcome: LineOutcome, at: number): void {
    const line = this.#lines.get(at);
    if (line === undefined || this.#processed.has(at)) return;
    const after = this.#course.state.window;
    this.#processed.set(at, { ...line, outcome, before: this.#before, after });
    this.#before = after;
  }

  #onStuck(regex: number | null, at: number): void {
    const line = this.#lines.get(at);
    if (line !== undefined) this.#course.onStuck({ regex, number: line.number, line: line.line.text });
  }
}
