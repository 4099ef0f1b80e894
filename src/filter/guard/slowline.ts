import { processorMs, slowness, within } from '../../base/timelimit.ts';
import { kindOf } from '../ascii.ts';
import { compileDates } from '../date/datepattern.ts';
import { warmUpDates } from '../date/warmup.ts';
import { matchText } from '../regex/failregex.ts';
import type { Filter } from '../types.ts';

/** Processor time that a line may cost in a filter, in milliseconds of a usual server. */
const LINE_MS = 25;
/** Lower limit for filters with an earlier timeout. */
const SUSPECT_MS = 12;
/**
 * How often a line is tried in a filter, each time without the slow regexes; then the filter gives up on the
 * line.
 */
const ATTEMPTS = 3;
/** Without processor time the limit is raised up to this many times its value. */
const PATIENCE = 64;

/** A slow line: the cost of each regex so far, in milliseconds of processor time, and the regexes to skip. */
export type SlowLine = {
  beganMs: number;
  readonly costs: Map<number | null, number>;
  readonly skipped: ReadonlySet<number | null>;
};

/** The cost of a worker's regex on a line. `regex` null: date, prefregex or ignoreregex. */
export type Spent = { readonly worker: number; readonly regex: number | null; readonly ms: number };

/** Matches one line against one filter. */
export type Attempt = {
  /** Matches the line from the beginning. Calls charge() before each regex. */
  run(slow: SlowLine): void;
  /** The regex that was tried last. */
  regex(): number | null;
  /** Whether the line's outcome was reported before the interruption. */
  isDone(): boolean;
  /** Whether a slow regex gets another chance, which it does not get twice in a row. */
  doubts(regex: number | null): boolean;
  /** Called when a regex is to be skipped on this line from now on. */
  onStuck(regex: number | null): void;
};

/** Adds the time since the last call to the regex's cost. */
export function charge(slow: SlowLine, regex: number | null): void {
  const nowMs = processorMs();
  slow.costs.set(regex, (slow.costs.get(regex) ?? 0) + nowMs - slow.beganMs);
  slow.beganMs = nowMs;
}

/**
 * Matches a line against a filter within a time limit. Skips the slowest regexes until the rest is quick
 * enough. Returns the cost of each regex that ran to its end; null if the filter gives up on the line. Costs
 * are processor time: a busy machine delays the clock, but makes no regex slower.
 */
export function matchSlowLine(
  attempt: Attempt,
  isSuspect: boolean,
): ReadonlyMap<number | null, number> | null {
  const limitMs = (isSuspect ? SUSPECT_MS : LINE_MS) * slowness();
  const skipped = new Set<number | null>();
  let patience = 1;
  for (let attempts = 1; attempts <= ATTEMPTS; ) {
    const slow: SlowLine = { beganMs: processorMs(), costs: new Map(), skipped };
    const usedMs = within(limitMs * patience, () => attempt.run(slow));
    charge(slow, attempt.regex());
    if (usedMs === null || attempt.isDone()) return slow.costs;
    if (usedMs < limitMs / 2) {
      patience = Math.min(patience * 2, PATIENCE);
      continue;
    }
    patience = 1;
    const spent = [...slow.costs].map(([regex, ms]) => ({ worker: 0, regex, ms }));
    const guilty = slowestOf(spent, usedMs / 2).filter(({ regex }) => !attempt.doubts(regex));
    if (guilty.length > 0) attempts++;
    for (const { regex } of guilty) {
      skipped.add(regex);
      attempt.onStuck(regex);
    }
  }
  return null;
}

/**
 * The slowest regexes of a line that cost too much in total. Without them it costs half the limit at most.
 */
export function tooMuch(spent: readonly Spent[]): readonly Spent[] {
  const allMs = spent.reduce((sum, { ms }) => sum + ms, 0);
  const limitMs = LINE_MS * slowness();
  return allMs <= limitMs ? [] : slowestOf(spent, limitMs / 2);
}

/** The slowest regexes, so that the others cost `othersMs` at most. */
function slowestOf(spent: readonly Spent[], othersMs: number): readonly Spent[] {
  let leftMs = spent.reduce((sum, { ms }) => sum + ms, 0);
  const found: Spent[] = [];
  for (const one of spent.toSorted((a, b) => b.ms - a.ms)) {
    if (leftMs <= othersMs) break;
    leftMs -= one.ms;
    found.push(one);
  }
  return found;
}

const warmed = new WeakMap<Filter, Set<string>>();

/**
 * Compiles everything the filter needs for a text like this one. V8 compiles for other alphabets at first
 * use; these 100 ms must not count as the line's cost.
 */
export function warmUp(filter: Filter, text: string): void {
  const kind = kindOf(text);
  const known = warmed.get(filter) ?? new Set();
  if (known.has(kind)) return;
  warmed.set(filter, known.add(kind));
  const { prefregex, failregex, ignoreregex } = filter;
  const all = [...failregex, ...ignoreregex, ...(prefregex === null ? [] : [prefregex])];
  // V8 compiles to machine code at the second use.
  for (const { regex } of [...all, ...all]) matchText(regex, `${kind} 1\n`);
  warmUpDates(compileDates(filter.datepattern, filter.logtimezone), text);
}
