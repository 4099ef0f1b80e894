import { type Count, countFailure, keepMatches } from './failures.ts';
import type { Ban, JailState, Past } from './state.ts';

/** The limits by which a jail judges; durations in seconds. */
export type Limits = {
  readonly maxretry: number;
  readonly findtime: number;
  /** Seconds of a ban, null = for ever. */
  readonly bantime: number | null;
  /** How many matched lines are kept for actions; 0 keeps none. */
  readonly maxmatches: number;
  /** Longer bans for those who come back; answers seconds or null = for ever. */
  readonly escalate: (bantime: number | null, past: Past | undefined, now: number) => number | null;
};

/** One failure that counts: who, when (epoch seconds), and the lines that show it. */
export type Failure = { readonly id: string; readonly time: number; readonly lines: readonly string[] };

/** What a failure led to. */
export type Verdict =
  | { readonly kind: 'counted'; readonly count: Count }
  | { readonly kind: 'ban'; readonly ban: Ban }
  /** The count was reached by somebody whose ban stands: the ban may have no effect. */
  | { readonly kind: 'already'; readonly ban: Ban };

/**
 * Counts a failure and decides. On the maxretry-th failure the id is to be banned and its count starts over.
 * Changes the jail's failures and totals, not its bans: the caller puts the ban where it belongs. A ban begins
 * at the failure, not when it was read, so that reading a log late or twice gives the same end.
 */
export function judge(jail: JailState, failure: Failure, limits: Limits, now: number): Verdict {
  const count = countFailure(jail.failures, failure.id, failure.time, limits.findtime);
  jail.totalFailed += 1;
  if (limits.maxmatches > 0) keepMatches(count, failure.lines, limits.maxmatches);
  if (count.retry < limits.maxretry) return { kind: 'counted', count };
  jail.failures.delete(failure.id);
  const standing = jail.bans.get(failure.id);
  if (standing !== undefined) return { kind: 'already', ban: standing };
  return {
    kind: 'ban',
    ban: makeBan(jail, failure.id, limits, { now: Math.min(failure.time, now), count, origin: 'log' }),
  };
}

/** A ban that begins at `now`, its length by the jail's limits and the id's past. Nothing is changed. */
export function makeBan(
  jail: JailState,
  id: string,
  limits: Limits,
  why: { readonly now: number; readonly count: Count | null; readonly origin: Ban['origin'] },
): Ban {
  const past = jail.past.get(id);
  const length = limits.escalate(limits.bantime, past, why.now);
  return {
    at: why.now,
    until: length === null ? null : why.now + length,
    failures: why.count?.failures ?? 0,
    count: (past?.count ?? 0) + 1,
    origin: why.origin,
    matches: why.count?.matches ?? [],
    pending: 'not yet handed to the firewall',
  };
}
