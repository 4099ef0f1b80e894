import { processorMs } from './limit.ts';

/** What a line may cost in a filter that looks at it closely, in milliseconds of processor time. */
export const LINE_MS = 30;

/** A line that is looked at closely: what each regex cost so far, in milliseconds of processor time, and which are left out. */
export type Closely = {
  beganMs: number;
  readonly costs: Map<number | null, number>;
  readonly skipped: ReadonlySet<number | null>;
};

/** What a worker's regex cost on a line; `regex` null = date, prefregex or ignoreregex. */
export type Spent = { readonly worker: number; readonly regex: number | null; readonly ms: number };

/** Begins to look closely. */
export function lookClosely(skipped: ReadonlySet<number | null>): Closely {
  return { beganMs: processorMs(), costs: new Map(), skipped };
}

/** Puts the time since the last call on the regex's account. */
export function charge(closely: Closely, regex: number | null): void {
  const nowMs = processorMs();
  closely.costs.set(regex, (closely.costs.get(regex) ?? 0) + nowMs - closely.beganMs);
  closely.beganMs = nowMs;
}

/** The slowest regexes, so that what is left of a line that cost too much on the whole is half of what it may cost. */
export function tooMuch(spent: readonly Spent[]): readonly Spent[] {
  let leftMs = spent.reduce((sum, { ms }) => sum + ms, 0);
  if (leftMs <= LINE_MS) return [];
  const found: Spent[] = [];
  for (const one of spent.toSorted((a, b) => b.ms - a.ms)) {
    if (leftMs <= LINE_MS / 2) break;
    leftMs -= one.ms;
    found.push(one);
  }
  return found;
}
