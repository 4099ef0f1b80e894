import { processorMs, within } from '../../base/timelimit.ts';
import { compileDates, findStamp } from '../date/datepattern.ts';
import { matchText } from '../regex/failregex.ts';
import type { Filter } from '../types.ts';

/** What a line may cost in a filter, in milliseconds of processor time. */
const LINE_MS = 25;
/** The same for a filter that had a regex stuck before. */
const SUSPECT_MS = 12;
/** So often a line is tried in a filter, each time without what was slow; then the filter leaves it. */
const ATTEMPTS = 3;
/** What gets no processor is given more of the clock, up to so many times its limit. */
const PATIENCE = 64;

/** A line that is looked at closely: what each regex cost so far, in milliseconds of processor time, and which are left out. */
export type SlowLine = {
  beganMs: number;
  readonly costs: Map<number | null, number>;
  readonly skipped: ReadonlySet<number | null>;
};

/** What a worker's regex cost on a line; `regex` null = date, prefregex or ignoreregex. */
export type Spent = { readonly worker: number; readonly regex: number | null; readonly ms: number };

/** One line on its way through one filter. */
export type Attempt = {
  /** Takes the line through the filter from the beginning, and calls charge() before each regex. */
  run(slow: SlowLine): void;
  /** The regex that was tried last. */
  regex(): number | null;
  /** Whether the line's outcome was told, though an interruption came after that. */
  isDone(): boolean;
  /** Whether the regex is given another chance, which it is not twice in a row. */
  doubts(regex: number | null): boolean;
  /** A regex is skipped on this line from now on. */
  onStuck(regex: number | null): void;
};

/** Puts the time since the last call on the regex's account. */
export function charge(slow: SlowLine, regex: number | null): void {
  const nowMs = processorMs();
  slow.costs.set(regex, (slow.costs.get(regex) ?? 0) + nowMs - slow.beganMs);
  slow.beganMs = nowMs;
}

/**
 * Takes a line through a filter within bounds: what costs most is left out, until the rest of the filter is quick enough.
 * Answers what each regex cost that was tried to the end; null when the filter leaves the line. An interruption is told by
 * processor time: a busy machine stops clocks, not regexes.
 */
export function matchSlowLine(
  attempt: Attempt,
  isSuspect: boolean,
): ReadonlyMap<number | null, number> | null {
  const limitMs = isSuspect ? SUSPECT_MS : LINE_MS;
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

/** The slowest regexes of a line that cost too much on the whole, so that without them it costs half of what it may. */
export function tooMuch(spent: readonly Spent[]): readonly Spent[] {
  const allMs = spent.reduce((sum, { ms }) => sum + ms, 0);
  return allMs <= LINE_MS ? [] : slowestOf(spent, LINE_MS / 2);
}

/** The slowest, until the others cost so much at the most. */
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

/** One character for each kind of text that V8 compiles an expression for by itself. */
const KINDS = ['a', '\u00e9', '\u4e00'] as const;
const warmed = new WeakMap<Filter, Set<string>>();

/**
 * Has everything compiled that the filter needs for a text like this one: forms for other alphabets are made at their first
 * use, and the 100 ms that this takes once must not count as the line's.
 */
export function warmUp(filter: Filter, text: string): void {
  const kind = /[^\x00-\xff]/.test(text) ? KINDS[2] : /[^\x00-\x7f]/.test(text) ? KINDS[1] : KINDS[0];
  const known = warmed.get(filter) ?? new Set();
  if (known.has(kind)) return;
  warmed.set(filter, known.add(kind));
  const { prefregex, failregex, ignoreregex } = filter;
  const all = [...failregex, ...ignoreregex, ...(prefregex === null ? [] : [prefregex])];
  // V8 compiles for good at the second use.
  for (const { regex } of [...all, ...all]) matchText(regex, `${kind} 1\n`);
  const dates = compileDates(filter.datepattern, filter.logtimezone);
  for (const { template } of dates.choice.slots) template.compiled();
  for (const end of ['1', '2']) findStamp(dates, `${kind} ${end}`, 0);
}
