/**
 * Slow lines before a regex goes into quarantine. If its filter already has a regex there, one line is
 * enough.
 */
const STRIKES = 3;
/** A regex in quarantine is still used on lines shorter than its shortest slow line divided by this. */
const MARGIN = 4;
/**
 * A single slow match is ignored unless another follows within this many seconds; garbage collection can slow
 * any match.
 */
const DOUBT = 60;

/**
 * A regex that was stuck. `regex` null: the worker's date, prefregex or ignoreregexes. Times in epoch
 * seconds.
 */
export type StuckRegex = {
  readonly worker: number;
  readonly regex: number | null;
  /** The regex is not used on lines of at least this many characters; null: not in quarantine. */
  readonly from: number | null;
  /** Number of lines on which it was interrupted. */
  readonly strikes: number;
  /** Number of lines on which it was not used because of the quarantine. */
  readonly skipped: number;
  /** The beginning of the last line it was stuck on. */
  readonly line: string;
  readonly last: number;
};

/** A line a regex was stuck on. `length` in characters, `now` in epoch seconds. */
type Strike = { readonly length: number; readonly line: string; readonly now: number };

type SlowRegex = { -readonly [K in keyof StuckRegex]: StuckRegex[K] } & { fresh: number; shortest: number };

/**
 * Counts how often each regex was stuck, and decides on which lines it is no longer used. A regex explodes
 * from some length on, so a quarantine does not affect shorter lines. Otherwise an attacker could switch off
 * a jail with three long lines.
 */
export class Quarantine {
  readonly #entries = new Map<string, SlowRegex>();
  /** By worker: the shortest length in quarantine. */
  readonly #from: number[] = [];
  /** Time of the last slow match of a regex that was never stuck. */
  readonly #slow = new Map<string, number>();
  /** By worker: its regexes in quarantine. */
  readonly #held = new Map<number, Map<number | null, SlowRegex>>();

  /**
   * Whether this is the regex's first slow match in a while, so that it may be an accident. `now` in epoch
   * seconds.
   */
  doubts(worker: number, regex: number | null, now: number): boolean {
    const key = `${worker} ${regex}`;
    if (this.#entries.has(key)) return false;
    const last = this.#slow.get(key);
    this.#slow.set(key, now);
    return last === undefined || now > last + DOUBT;
  }

  /**
   * Counts a line. Returns the length from which on the regex is in quarantine if this line put it there,
   * else null.
   */
  strike(worker: number, regex: number | null, { length, line, now }: Strike): number | null {
    const key = `${worker} ${regex}`;
    const entry: SlowRegex = this.#entries.get(key) ?? {
      ...{ worker, regex, from: null, strikes: 0, skipped: 0, line, last: now },
      ...{ fresh: 0, shortest: length },
    };
    this.#entries.set(key, entry);
    entry.strikes++;
    entry.fresh++;
    entry.shortest = Math.min(entry.shortest, length);
    entry.line = line;
    entry.last = now;
    const isUnderAttack = this.#held.has(worker);
    if (entry.fresh < STRIKES && !isUnderAttack) return null;
    entry.fresh = 0;
    entry.from = Math.min(entry.from ?? Number.POSITIVE_INFINITY, Math.ceil(entry.shortest / MARGIN));
    const held = this.#held.get(worker) ?? new Map<number | null, SlowRegex>();
    held.set(regex, entry);
    this.#from[worker] = Math.min(this.from(worker), entry.from);
    this.#held.set(worker, held);
    return entry.from;
  }

  /** The shortest length in quarantine for any regex of the worker; Infinity if there is none. */
  from(worker: number): number {
    return this.#from[worker] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether any regex of the worker was ever stuck. */
  suspects(worker: number): boolean {
    return this.all().some((entry) => entry.worker === worker);
  }

  /** Whether the quarantine covers the regex on a line of that length; counts those lines. */
  holds(worker: number, regex: number | null, length: number): boolean {
    const entry = this.#held.get(worker)?.get(regex);
    if (entry === undefined || entry.from === null || length < entry.from) return false;
    entry.skipped++;
    return true;
  }

  all(): readonly StuckRegex[] {
    return [...this.#entries.values()].map(({ fresh: _, shortest: __, ...entry }) => entry);
  }
}
