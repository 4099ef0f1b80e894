import { formatIp4, parseIp4 } from '../base/ip.ts';
import { FailureTable, type Row } from './failuretable.ts';

/** What is remembered of one address (or other id) that failed in a jail. Times are epoch seconds. */
export type Count = {
  /** The rate estimate that is compared with maxretry. */
  retry: number;
  /** Beginning of the window that `retry` speaks of. */
  first: number;
  last: number;
  /** Failures seen, without the estimate's corrections. */
  failures: number;
  /** The last matched lines, at most maxmatches of them; kept only when something will use them. */
  matches: readonly string[];
};

/** What a row of the table holds at the most. */
const MOST_IN_ROW = 0xffff_ffff;

/**
 * The failures of one jail, by id. IPv4 addresses of which only the count is kept stand in a table of their own; get(), whose
 * answer may be changed, moves one of them among the others.
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

  /** What has no lines is kept as a row. */
  set(id: string, count: Count): void {
    this.delete(id);
    const ip = count.matches.length === 0 ? parseIp4(id) : null;
    if (ip === null || count.failures < 1 || count.failures > MOST_IN_ROW) this.#others.set(id, count);
    else this.#table.add(ip, count);
  }

  /** Adds what may be changed afterwards, for an id that is not there. */
  keep(id: string, count: Count): Count {
    this.#others.set(id, count);
    return count;
  }

  delete(id: string): void {
    const row = this.#rowOf(id);
    if (row >= 0) this.#table.remove(row);
    this.#others.delete(id);
  }

  /** Every id with its count; what is answered for a row is a copy. */
  *[Symbol.iterator](): Generator<readonly [id: string, count: Count]> {
    for (const [ip, row] of this.rows()) yield [formatIp4(ip), { ...row, matches: [] }];
    yield* this.#others;
  }

  /**
   * As countFailure() of weight 1, for an IPv4 address as an unsigned number whose lines nobody wants; makes nothing. False, and
   * nothing done, where the rate estimate would reach `maxretry`, or might.
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

  /** Puts what get() or keep() moved among the others back where it takes the least room. */
  settle(id: string): void {
    const count = this.#others.get(id);
    if (count !== undefined) this.set(id, count);
  }

  /** Forgets the ids whose last failure is not after `time`; answers how many. */
  sweep(time: number): number {
    const before = this.size;
    this.#table.sweep(time);
    for (const [id, { last }] of this.#others) if (last <= time) this.#others.delete(id);
    return before - this.size;
  }

  /** Many at a time: a Map whose first entries are deleted one by one is walked again from its beginning each time. */
  makeRoom(): void {
    if (this.#others.size < MOST_TRACKED) return;
    let left = MOST_TRACKED / 10;
    for (const oldest of this.#others.keys()) {
      this.#others.delete(oldest);
      if (--left <= 0) return;
    }
  }

  /** IPv4 addresses, as unsigned numbers, of which only the count is kept. */
  *rows(): Generator<readonly [ip: number, count: Row]> {
    for (const [ip, row] of this.#table.rows()) yield [ip, this.#table.read(row)];
  }

  /** Those that are no rows. */
  others(): Iterable<readonly [string, Count]> {
    return this.#others;
  }

  #rowOf(id: string): number {
    if (this.#table.size === 0) return -1;
    const ip = parseIp4(id);
    return ip === null ? -1 : this.#table.find(ip);
  }
}

/** Rounds halves to the even neighbour, as Python does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Counts one failure at `time` and answers the id's entry as it is then. Not a sliding window but an
 * estimate of the rate: when the window has grown longer than findtime the count is scaled down to it
 * (fail2ban 1.0.2 behaviour). `weight` is what one failure of a known offender counts. A failure that is older than the last one counts without moving the window.
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
 * Addresses that are remembered in one jail at the most: some 7 MB, or 20 MB where they are more than IPv4 addresses and counts. Whoever floods a jail with more within findtime
 * pushes out those who came first.
 */
export const MOST_TRACKED = 100_000;

/** Characters of matched lines that one id is allowed: plenty where few fail, and some 40 MB in a jail at its bound. */
const MOST_CHARS = 4_000_000;
const LEAST_CHARS = 200;
/** A longer line is cut. */
const LONGEST_LINE = 2000;

/** How many lines of one id are kept, and how many characters in all of them. */
export type MatchLimits = { readonly maxmatches: number; readonly chars: number };

/** What one id may keep in a jail that counts so many. */
export function matchLimits(maxmatches: number, ids: number): MatchLimits {
  return { maxmatches, chars: Math.max(LEAST_CHARS, Math.floor(MOST_CHARS / Math.max(1, ids))) };
}

/** Keeps the last lines, the new ones at the end; of those that are too long only the beginning, at least one of them. */
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
