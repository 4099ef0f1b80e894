/** A regex that was stuck on so many lines is put into quarantine; one line is enough once its filter has one there. */
const STRIKES = 3;
/** A regex in quarantine is still used on lines shorter than the shortest that it was stuck on by this factor. */
const MARGIN = 4;
/** A single slow match is ignored unless another follows within so many seconds: garbage collection takes its time anywhere. */
const DOUBT = 60;

/** A regex that was stuck; `regex` null = the worker's date, prefregex or ignoreregexes. Times in epoch seconds. */
export type StuckRegex = {
  readonly worker: number;
  readonly regex: number | null;
  /** It is not used on lines of at least so many characters; null: not in quarantine (yet). */
  readonly from: number | null;
  /** Lines on which it was interrupted. */
  readonly strikes: number;
  /** Lines on which it would have been tried, were it not in quarantine. */
  readonly skipped: number;
  /** The beginning of the last line that it was stuck on. */
  readonly line: string;
  readonly last: number;
};

/** A line that a regex was stuck on; `length` in characters, `now` in epoch seconds. */
type Strike = { readonly length: number; readonly line: string; readonly now: number };

type SlowRegex = { -readonly [K in keyof StuckRegex]: StuckRegex[K] } & { fresh: number; shortest: number };

/**
 * Which regexes were stuck how often, and on which lines they are no longer used. What explodes does so from some length on:
 * a quarantine leaves the shorter lines alone, or three long lines would be all that an attacker needs to switch a jail off.
 */
export class Quarantine {
  readonly #entries = new Map<string, SlowRegex>();
  /** By worker: the least of their lengths. */
  readonly #from: number[] = [];
  /** When a regex that was never stuck was slow last. */
  readonly #slow = new Map<string, number>();
  /** By worker: its regexes in quarantine. */
  readonly #held = new Map<number, Map<number | null, SlowRegex>>();

  /** Whether it is the first time for long that the regex was slow, so that it may have been an accident. `now` in epoch seconds. */
  doubts(worker: number, regex: number | null, now: number): boolean {
    const key = `${worker} ${regex}`;
    if (this.#entries.has(key)) return false;
    const last = this.#slow.get(key);
    this.#slow.set(key, now);
    return last === undefined || now > last + DOUBT;
  }

  /** Counts a line; the length from which on the regex is now held, when this line put it into quarantine, else null. */
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

  /** The length from which on some regex of the worker is in quarantine; Infinity when none is. */
  from(worker: number): number {
    return this.#from[worker] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether any regex of the worker was ever stuck. */
  suspects(worker: number): boolean {
    return this.all().some((entry) => entry.worker === worker);
  }

  /** Whether the regex is not to be used on a line of that length; counts the lines. */
  holds(worker: number, regex: number | null, length: number): boolean {
    const entry = this.#held.get(worker)?.get(regex);
    if (entry === undefined || entry.from === null || length < entry.from) return false;
    entry.skipped++;
    return true;
  }

  /** All regexes that were ever stuck. */
  all(): readonly StuckRegex[] {
    return [...this.#entries.values()].map(({ fresh: _, shortest: __, ...entry }) => entry);
  }
}
