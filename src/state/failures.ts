import { formatIp4, parseIp4 } from '../base/ip.ts';
import { FailureTable, type Row } from './failuretable.ts';

/** The count of one address or other id that failed in a jail. Times are epoch seconds. */
export type Count = {
  /** The rate estimate; a ban follows when it reaches maxretry. */
  retry: number;
  /** Start of the window that `retry` covers. */
  first: number;
  last: number;
  /** Number of failures, without the estimate's corrections. */
  failures: number;
  /** The last matched lines, at most maxmatches; kept only if an action uses them. */
  matches: readonly string[];
};

/** Largest count that fits into a row of the table. */
const MOST_IN_ROW = 0xffff_ffff;

/**
 * The failures of one jail by id. IPv4 addresses with a count and no lines are rows of a table. get() returns
 * an entry that may be changed, so it moves a row to the other entries first.
 */
export class Failures {
  readonly #table = new FailureTable(MOST_TRACKED);
  readonly #others = new Map<string, Count>();

  constructor(entries: Iterable<readonly [string, Count]> = []) {
    for (const [id, count] of entries) this.set(id, count);
  }

  get size(): number {
    return this.#others.size + this.#table.size;
  }

  get(id: string): Count | undefined {
    const row = this.#rowOf(id);
    if (row < 0) return this.#others.get(id);
    const count = { ...this.#table.read(row), matches: [] };
    this.#table.remove(row);
    return this.keep(id, count);
  }

  /** Stores an IPv4 address without lines as a row. */
  set(id: string, count: Count): void {
    this.delete(id);
    const ip = count.matches.length === 0 ? parseIp4(id) : null;
    if (ip === null || count.failures < 1 || count.failures > MOST_IN_ROW) this.#others.set(id, count);
    else this.#table.add(ip, count);
  }

  /** Adds an entry that may be changed afterwards, for a new id. */
  keep(id: string, count: Count): Count {
    this.#others.set(id, count);
    return count;
  }

  delete(id: string): void {
    const row = this.#rowOf(id);
    if (row >= 0) this.#table.remove(row);
    this.#others.delete(id);
  }

  /** All ids with their counts; for a row the count is a copy. */
  *[Symbol.iterator](): Generator<readonly [id: string, count: Count]> {
    for (const [ip, row] of this.rows()) yield [formatIp4(ip), { ...row, matches: [] }];
    yield* this.#others;
  }

  /**
   * Like countFailure() with weight 1, for an IPv4 address as an unsigned number and without lines. Allocates
   * nothing. False, without any change, if the rate estimate would, or might, reach `maxretry`.
   */
  countIp(
    ip: number,
    time: number,
    limits: { readonly findtime: number; readonly maxretry: number },
  ): boolean {
    const { findtime, maxretry } = limits;
    if (this.#others.size > 0 && this.#others.has(formatIp4(ip))) return false;
    const row = this.#table.find(ip);
    if ((row < 0 ? 0 : this.#table.retryAt(row)) + 1 >= maxretry) return false;
    if (row < 0) {
      this.#table.add(ip, { retry: 1, first: time, last: time, failures: 1 });
      return true;
    }
    const known = this.#table.read(row);
    addFailure(known, { time, weight: 1 }, findtime);
    this.#table.write(row, known);
    return true;
  }

  /** Stores an entry that get() or keep() returned in the form that takes the least memory. */
  settle(id: string): void {
    const count = this.#others.get(id);
    if (count !== undefined) this.set(id, count);
  }

  /** Removes the ids without a failure after `time`; returns their number. */
  sweep(time: number): number {
    const before = this.size;
    this.#table.sweep(time);
    for (const [id, { last }] of this.#others) if (last <= time) this.#others.delete(id);
    return before - this.size;
  }

  /** Many at a time: deleting the first entries of a Map one by one walks from its beginning each time. */
  makeRoom(): void {
    if (this.#others.size < MOST_TRACKED) return;
    let left = MOST_TRACKED / 10;
    for (const oldest of this.#others.keys()) {
      this.#others.delete(oldest);
      if (--left <= 0) return;
    }
  }

  /** The IPv4 addresses, as unsigned numbers, that are rows. */
  *rows(): Generator<readonly [ip: number, count: Row]> {
    for (const [ip, row] of this.#table.rows()) yield [ip, this.#table.read(row)];
  }

  /** The entries that are not rows. */
  others(): Iterable<readonly [string, Count]> {
    return this.#others;
  }

  #rowOf(id: string): number {
    if (this.#table.size === 0) return -1;
    const ip = parseIp4(id);
    return ip === null ? -1 : this.#table.find(ip);
  }
}

/** Rounds halves to the even neighbour, like Python. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Counts one failure at `time` and returns the id's entry. Not a sliding window but a rate estimate: once the
 * window is longer than findtime, the count is scaled down to findtime (fail2ban 1.0.2 behaviour). `weight`:
 * how much a failure of a known offender counts. A failure older than the last one counts without moving the
 * window.
 */
export function countFailure(
  failures: Failures,
  id: string,
  failure: { readonly time: number; readonly weight?: number },
  findtime: number,
): Count {
  const { time, weight = 1 } = failure;
  const known = failures.get(id);
  if (known === undefined) {
    failures.makeRoom();
    const fresh: Count = { retry: weight, first: time, last: time, failures: 1, matches: [] };
    return failures.keep(id, fresh);
  }
  addFailure(known, { time, weight }, findtime);
  return known;
}

function addFailure(
  known: Row,
  { time, weight }: { readonly time: number; readonly weight: number },
  findtime: number,
): void {
  if (time > known.last) {
    if (known.first < time - findtime) {
      known.retry = roundHalfEven((known.retry / (time - known.first)) * findtime);
      known.first = time - findtime;
    }
    known.last = time;
  }
  known.retry += weight;
  known.failures += 1;
}

/**
 * Most ids that one jail remembers: about 7 MB, or 20 MB for entries that are not rows. If more fail within
 * findtime, the oldest are forgotten.
 */
export const MOST_TRACKED = 100_000;

/**
 * Most characters of matched lines in one jail, shared by its ids: about 40 MB in a jail with MOST_TRACKED
 * ids.
 */
const MOST_CHARS = 4_000_000;
const LEAST_CHARS = 200;
/** Longer lines are cut. */
const LONGEST_LINE = 2000;

/** Most lines of one id, and most characters of all of them. */
export type MatchLimits = { readonly maxmatches: number; readonly chars: number };

/** The limits of one id in a jail with `ids` ids. */
export function matchLimits(maxmatches: number, ids: number): MatchLimits {
  return { maxmatches, chars: Math.max(LEAST_CHARS, Math.floor(MOST_CHARS / Math.max(1, ids))) };
}

/** Keeps the last lines, new ones at the end. Cuts lines that are too long; at least one stays. */
export function keepMatches(
  count: Count,
  lines: readonly string[],
  { maxmatches, chars }: MatchLimits,
): void {
  if (maxmatches <= 0) return;
  const longest = Math.min(LONGEST_LINE, chars);
  const all = [...count.matches, ...lines.map((line) => line.slice(0, longest))].slice(-maxmatches);
  let from = all.length;
  for (let left = chars; from > 0; from--) {
    left -= all[from - 1]?.length ?? 0;
    if (left < 0 && from < all.length) break;
  }
  count.matches = from === 0 ? all : all.slice(from);
}
