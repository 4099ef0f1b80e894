import { within } from '../base/timelimit.ts';
import { Quarantine } from './guard/quarantine.ts';
import { type Attempt, charge, matchSlowLine, type SlowLine, warmUp } from './guard/slowline.ts';
import { takeLine } from './line.ts';
import type { Filter, FilterState, LineInput, LineOutcome, ProcessOptions } from './types.ts';

/** How long a batch of lines may take before it is interrupted, in milliseconds. */
const LIMIT_MS = 20;

/** A line with what became of it; `before` and `after` are the windows around it (maxlines). */
export type Processed = {
  readonly number: number;
  readonly line: LineInput;
  readonly outcome: LineOutcome;
  readonly before: FilterState['window'];
  readonly after: FilterState['window'];
};

/** A regex that was too slow on a line: `regex` from 0, null = date, prefregex or ignoreregex. */
export type StuckLine = { readonly regex: number | null; readonly number: number; readonly line: string };

/** What the lines are taken through; `number` counts from 1. */
export type LineCourse = {
  readonly filter: Filter;
  readonly state: FilterState;
  readonly options: ProcessOptions & { readonly now: number };
  /** Told once for each regex and line on which it was interrupted, or not tried because it had been too often. */
  onStuck(stuck: StuckLine): void;
};

const GIVEN_UP: LineOutcome = {
  ...{ result: 'missed', regex: null, hits: [], failures: [], helpers: [], isPrefixed: false },
  ...{ time: null, warning: null },
};

/**
 * Takes lines through one filter within the bounds that the daemon has: a regex that is too slow is skipped for the line, and
 * after some lines left out on their like. One for each log: it remembers which regexes were slow.
 */
export class BoundedLines {
  readonly #course: LineCourse;
  readonly #quarantine = new Quarantine();
  #regex: number | null = null;
  /** A line whose outcome is known, until it is among the others. */
  #taken: Processed | null = null;

  constructor(course: LineCourse) {
    this.#course = course;
  }

  /** The outcomes of the lines, all of them, in order. */
  run(lines: readonly { readonly number: number; readonly line: LineInput }[]): readonly Processed[] {
    const done: Processed[] = [];
    const { state } = this.#course;
    for (;;) {
      const from = done.length;
      let { window } = state;
      const usedMs = within(LIMIT_MS, () => {
        for (let one = lines[done.length]; one !== undefined; one = lines[done.length]) {
          window = state.window;
          this.#taken = this.#process(one, null);
          this.#finish(done);
        }
      });
      this.#finish(done);
      const open = lines[done.length];
      if (usedMs === null || open === undefined) return done;
      if (usedMs < LIMIT_MS / 2 && done.length > from) {
        state.window = done.at(-1)?.after ?? window;
        continue;
      }
      this.#runClosely(open, window, done);
    }
  }

  #runClosely(
    one: { readonly number: number; readonly line: LineInput },
    window: FilterState['window'],
    done: Processed[],
  ): void {
    const { filter, state, onStuck } = this.#course;
    const before = done.length;
    warmUp(filter, one.line.text);
    const attempt: Attempt = {
      run: (slow) => {
        state.window = window;
        this.#taken = this.#process(one, slow);
        this.#finish(done);
      },
      regex: () => this.#regex,
      isDone: () => {
        this.#finish(done);
        return done.length > before;
      },
      doubts: (regex) => this.#quarantine.doubts(0, regex, 0),
      onStuck: (regex) => {
        const { text: line } = one.line;
        this.#quarantine.strike(0, regex, { length: textLength(line, window), line: '', now: 0 });
        onStuck({ regex, number: one.number, line });
      },
    };
    matchSlowLine(attempt, this.#quarantine.suspects(0));
    if (done.length > before) return;
    state.window = window;
    done.push({ ...one, outcome: GIVEN_UP, before: window, after: window });
  }

  /** What is interrupted here is finished, nothing is tried again. */
  #finish(done: Processed[]): void {
    const taken = this.#taken;
    if (taken === null) return;
    this.#course.state.sessions.commit();
    done.push(taken);
    this.#taken = null;
  }

  #process(one: { readonly number: number; readonly line: LineInput }, slow: SlowLine | null): Processed {
    const { filter, state, options, onStuck } = this.#course;
    const before = state.window;
    const { text } = one.line;
    const isHeld = this.#quarantine.from(0) < Number.POSITIVE_INFINITY;
    const length = isHeld ? textLength(text, before) : 0;
    const isLeftOut = (regex: number | null): boolean => {
      if (slow?.skipped.has(regex)) return true;
      if (!isHeld || !this.#quarantine.holds(0, regex, length)) return false;
      onStuck({ regex, number: one.number, line: text });
      return true;
    };
    this.#regex = null;
    if (isLeftOut(null)) return { ...one, outcome: GIVEN_UP, before, after: before };
    const mayMatch = (index: number): boolean => {
      if (slow !== null) charge(slow, this.#regex);
      this.#regex = index;
      return !isLeftOut(index);
    };
    const outcome = takeLine(filter, state, one.line, { ...options, mayMatch });
    return { ...one, outcome, before, after: state.window };
  }
}

function textLength(text: string, window: FilterState['window']): number {
  return window.reduce((sum, { before, after }) => sum + before.length + after.length, text.length);
}
