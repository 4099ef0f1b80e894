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
 * The failures of one jail, by id. IPv4 addresses of which only the count is kept stand in a table of their own; who asks for
 * one of them by get(), which answers what may be changed, moves it among the others.
 */
export class Failures extends Map<string, Count> {
  readonly #table: FailureTable;

  constructor(entries: Iterable<readonly [string, Count]> = []) {
    super();
    this.#table = new FailureTable(MOST_TRACKED);
    for (const [id, count] of entries) this.set(id, count);
  }

  override get size(): number {
    // The constructor of Map asks before there is a ledger.
    return super.size + (this.#table?.size ?? 0);
  }

  override get(id: string): Count | undefined {
    const row = this.#rowOf(id);
    if (row < 0) return super.get(id);
    const count = { ...this.#table.read(row), matches: [] };
    this.#table.remove(row);
    super.set(id, count);
    return count;
  }

  override has(id: string): boolean {
    return super.has(id) || this.#rowOf(id) >= 0;
  }

  /** What has no lines is kept as a row. */
  override set(id: string, count: Count): this {
    this.delete(id);
    const ip = count.matches.length === 0 ? ledgerKey(id) : null;
    if (ip === null || count.failures < 1 || count.failures > MOST_IN_ROW) return super.set(id, count);
    this.#table.add(ip, count);
    return this;
  }

  /** Adds what may be changed afterwards, for an id that is not there. */
  keep(id: string, count: Count): Count {
    super.set(id, count);
    return count;
  }

  override delete(id: string): boolean {
    const row = this.#rowOf(id);
    if (row >= 0) this.#table.remove(row);
    return super.delete(id) || row >= 0;
  }

  override clear(): void {
    for (const id of [...this.keys()]) this.delete(id);
  }

  override *entries(): MapIterator<[string, Count]> {
    for (const [ip, row] of this.rows()) yield [formatIp4(ip), { ...row, matches: [] }];
    yield* super.entries();
  }

  override *keys(): MapIterator<string> {
    for (const [id] of this.entries()) yield id;
  }

  override *values(): MapIterator<Count> {
    for (const [, count] of this.entries()) yield count;
  }

  override [Symbol.iterator](): MapIterator<[string, Count]> {
    return this.entries();
  }

  override forEach(tell: (count: Count, id: string, map: Map<string, Count>) => void): void {
    for (const [id, count] of this.entries()) tell(count, id, this);
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
    if (super.size > 0 && super.has(formatIp4(ip))) return false;
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
    const count = super.get(id);
    if (count !== undefined) this.set(id, count);
  }

  /** Forgets the rows whose last failure is not after `time`; answers how many. */
  sweepRows(time: number): number {
    return this.#table.sweep(time);
  }

  /** IPv4 addresses, as unsigned numbers, of which only the count is kept. */
  *rows(): Generator<readonly [ip: number, count: Row]> {
    for (const [ip, row] of this.#table.rows()) yield [ip, this.#table.read(row)];
  }

  /** Those that are no rows. */
  others(): MapIterator<[string, Count]> {
    return super.entries();
  }

  /** How many are no rows. */
  get othersSize(): number {
    return super.size;
  }

  #rowOf(id: string): number {
    if (this.#table === undefined || this.#table.size === 0) return -1;
    const ip = ledgerKey(id);
    return ip === null ? -1 : this.#table.find(ip);
  }
}

/** The number of an IPv4 address in its usual spelling, null for every other id. */
function ledgerKey(id: string): number | null {
  return parseIp4(id);
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
    forgetOldest(failures);
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

/** Many at a time: a Map whose first entries are deleted one by one is walked again from its beginning each time. */
function forgetOldest(failures: Failures): void {
  if (failures.othersSize < MOST_TRACKED) return;
  let left = MOST_TRACKED / 10;
  for (const [oldest] of failures.others()) {
    failures.delete(oldest);
    if (--left <= 0) return;
  }
}

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

/** Forgets the ids whose last failure is findtime old or older; answers how many. */
export function sweepFailures(failures: Failures, now: number, findtime: number): number {
  let swept = failures.sweepRows(now - findtime);
  for (const [id, count] of failures.others()) {
    if (count.last > now - findtime) continue;
    failures.delete(id);
    swept++;
  }
  return swept;
}
