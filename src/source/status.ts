import { formatDuration } from '../base/duration.ts';
import type { Say, SourceCounts, SourceState, SourceStatus } from './source.ts';

/** What a source that was just opened has counted. */
export const NO_COUNTS: SourceCounts = {
  ...{ bytes: 0, errors: 0, cutLines: 0, skippedBytes: 0 },
  ...{ rotations: 0, truncations: 0, lostFiles: 0 },
};

/** Bytes that wait for so long, in seconds, are suspicious: an unfinished line is given a minute. */
export const STUCK = 300;

/** That bytes wait, in words. */
export function stuckText(lag: number, seconds: number): string {
  return `${lag} bytes wait to be read for ${formatDuration(seconds)}, and none of them was`;
}

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
  #waitingSince: number | null = null;
  /** Which wait was told. */
  #saidSince: number | null = null;
  #isNews = false;

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
      this.#isNews = true;
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
    if (this.#trouble !== null) {
      this.say('info', `reading ${this.name}`);
      this.#isNews = true;
    }
    this.#trouble = null;
    this.state = 'reading';
  }

  /** Bytes were read. */
  advance(now: number): void {
    this.lastLine = now;
    this.#waitingSince = null;
  }

  /** Nothing can be read now (epoch seconds), and so many bytes wait; that is said once it has lasted. */
  waits(lag: number, now: number): void {
    const before = this.#waitingSince;
    this.#waitingSince = lag === 0 ? null : (before ?? now);
    if (before === null || lag === 0 || now - before < STUCK || this.#saidSince === before) return;
    this.#saidSince = before;
    this.#isNews = true;
    this.say('warning', `${this.name}: ${stuckText(lag, now - before)}`);
  }

  get isWaiting(): boolean {
    return this.#waitingSince !== null;
  }

  /** Whether something was said since this was asked last that `status` should know as well. */
  takeNews(): boolean {
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }

  report(lag: number | null): SourceStatus {
    const { counts, state, openedAt, lastLine, live } = this;
    const [trouble, waitingSince] = [this.#trouble, this.#waitingSince];
    return { ...counts, state, trouble, openedAt, lastLine, lag, waitingSince, live };
  }
}
