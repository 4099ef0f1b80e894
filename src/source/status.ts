import type { Say, SourceCounts, SourceState, SourceStatus } from './source.ts';

/** What a source that was just opened has counted. */
export const NO_COUNTS: SourceCounts = {
  ...{ bytes: 0, errors: 0, cutLines: 0, skippedBytes: 0 },
  ...{ rotations: 0, truncations: 0, lostFiles: 0 },
};

/** How a source fares, and what was said of it: each trouble once, until it is over or becomes another. */
export class SourceStats {
  readonly name: string;
  readonly say: Say;
  readonly counts = { ...NO_COUNTS };
  readonly openedAt: number;
  state: SourceState = 'waiting';
  lastLine: number | null = null;
  live = false;
  #trouble: string | null = null;

  constructor(name: string, openedAt: number, say: Say) {
    this.name = name;
    this.openedAt = openedAt;
    this.say = say;
  }

  /** It cannot go on, and is tried again; `refused` is for what is wrong in itself, such as a folder. */
  fail(text: string, state: SourceState = 'waiting'): void {
    if (this.#trouble !== text) {
      this.counts.errors++;
      this.say('error', text);
    }
    this.#trouble = text;
    this.state = state;
  }

  /** It waits for something that is expected to come. */
  wait(text: string): void {
    if (this.#trouble !== text) this.say('info', text);
    this.#trouble = text;
    this.state = 'waiting';
  }

  well(): void {
    if (this.#trouble !== null) this.say('info', `reading ${this.name}`);
    this.#trouble = null;
    this.state = 'reading';
  }

  report(lag: number | null): SourceStatus {
    const { counts, state, openedAt, lastLine, live } = this;
    return { ...counts, state, trouble: this.#trouble, openedAt, lastLine, lag, live };
  }
}
