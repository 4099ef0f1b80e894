/**
 * When a jail bans, and for how long. Pure: it counts in the JailState it is given, and answers a ban as a value that the caller
 * puts where it belongs.
 *
 *     const result = countAndDecide(jail, { id: '192.0.2.7', time, matches }, limits, { now, before: 0 });
 *     if (result.kind === 'ban') addBan(state, 'sshd', '192.0.2.7', result.ban);
 */

import type { Jail } from '../config/jail.ts';
import { type Count, countFailure, keepMatches, matchLimits } from '../state/failures.ts';
import { type Ban, bansOf, type JailState, type State } from '../state/state.ts';
import { type Escalate, weightOf } from './escalation.ts';

/** The limits by which a jail judges. */
export type Limits = Pick<Jail, 'maxretry' | 'findtime' | 'bantime' | 'increment'> & {
  /** How many matched lines are kept for actions; 0 keeps none. */
  readonly maxmatches: number;
  /** Longer bans for ids that were banned before. */
  readonly escalate: Escalate;
};

/** One failure: a canonical address or network, or an id that is none; when (epoch seconds), and the lines that show it. */
export type Failure = { readonly id: string; readonly time: number; readonly matches: readonly string[] };

/** What counting a failure led to; `already`: the count was reached by an id whose ban stands. */
export type CountResult =
  | { readonly kind: 'counted'; readonly count: Count }
  | { readonly kind: 'ban'; readonly ban: Ban }
  | { readonly kind: 'already' };

/** How often the id was banned before: in this jail, or with `bantime.overalljails` in all. */
export function bansBefore(state: State, jail: string, id: string, limits: Limits): number {
  if (!limits.increment.overalljails) return bansOf(state.jails.get(jail), id);
  return [...state.jails.values()].reduce((sum, one) => sum + bansOf(one, id), 0);
}

/**
 * Counts a failure and decides. On the maxretry-th failure the id is banned and its count starts over.
 * Changes the jail's failures and totals, not its bans: the caller puts the ban where it belongs. A ban begins
 * at the failure, not when it was read, so that reading a log late or twice gives the same end. `before` is how
 * often the id was banned already.
 */
export function countAndDecide(
  jail: JailState,
  failure: Failure,
  limits: Limits,
  at: { readonly now: number; readonly before: number },
): CountResult {
  const { now, before } = at;
  const { id, time } = failure;
  const weight = weightOf(limits.increment, before, limits.maxretry);
  const count = countFailure(jail.failures, id, { time, weight }, limits.findtime);
  jail.totalFailed += 1;
  if (limits.maxmatches > 0)
    keepMatches(count, failure.matches, matchLimits(limits.maxmatches, jail.failures.size + jail.bans.size));
  if (count.retry < limits.maxretry) {
    if (limits.maxmatches === 0) jail.failures.settle(id);
    return { kind: 'counted', count };
  }
  jail.failures.delete(id);
  if (jail.bans.has(id)) return { kind: 'already' };
  return { kind: 'ban', ban: makeBan(limits, before, { now: Math.min(time, now), count, origin: 'log' }) };
}

/** A ban that begins at `now`, its length by the jail's limits and how often the id was banned `before`. */
export function makeBan(
  limits: Limits,
  before: number,
  why: { readonly now: number; readonly count: Count | null; readonly origin: Ban['origin'] },
): Ban {
  const length = limits.escalate(limits.bantime, before);
  return {
    at: why.now,
    until: length === null ? null : why.now + length,
    failures: why.count?.failures ?? 0,
    count: before + 1,
    origin: why.origin,
    matches: why.count?.matches ?? [],
    pending: 'not yet handed to the firewall',
  };
}
