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

/** The failures of one jail, by id, oldest insertion first. */
export type Failures = Map<string, Count>;

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
    failures.set(id, fresh);
    return fresh;
  }
  if (time > known.last) {
    if (known.first < time - findtime) {
      known.retry = roundHalfEven((known.retry / (time - known.first)) * findtime);
      known.first = time - findtime;
    }
    known.last = time;
  }
  known.retry += weight;
  known.failures += 1;
  return known;
}

/**
 * Addresses that are remembered in one jail at the most: about 20 MB. Whoever floods a jail with more within findtime
 * pushes out those who came first.
 */
export const MOST_TRACKED = 100_000;

/** Many at a time: a Map whose first entries are deleted one by one is walked again from its beginning each time. */
function forgetOldest(failures: Failures): void {
  if (failures.size < MOST_TRACKED) return;
  let left = MOST_TRACKED / 10;
  for (const oldest of failures.keys()) {
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
  let swept = 0;
  for (const [id, count] of failures) {
    if (count.last > now - findtime) continue;
    failures.delete(id);
    swept++;
  }
  return swept;
}
