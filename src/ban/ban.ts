/**
 * Decides when a jail bans, and for how long.
 *
 * Pure: counts in the given JailState and returns a ban as a value. The caller adds it to the state.
 *
 *     const result = countAndDecide(jail, { id: '192.0.2.7', time, matches }, limits, { now, before: 0 });
 *     if (result.kind === 'ban') addBan(state, 'sshd', '192.0.2.7', result.ban);
 */

import type { Jail } from '../config/jail.ts';
import { type Count, countFailure, keepMatches, matchLimits } from '../state/failures.ts';
import { type Ban, bansOf, type JailState, type State } from '../state/state.ts';
import { type Escalate, weightOf } from './escalation.ts';

/** The limits of a jail. */
export type Limits = Pick<Jail, 'maxretry' | 'findtime' | 'bantime' | 'increment'> & {
  /** Number of matched lines kept for actions; 0 = none. */
  readonly maxmatches: number;
  /** The ban time of ids that were banned before. */
  readonly escalate: Escalate;
};

/** A failure: a canonical address or network, or another id; its time (epoch seconds); and its lines. */
export type Failure = { readonly id: string; readonly time: number; readonly matches: readonly string[] };

/** What counting a failure led to; `ban`: the count was reached, maybe by an id that is banned already. */
export type CountResult =
  | { readonly kind: 'counted'; readonly count: Count }
  | { readonly kind: 'ban'; readonly ban: Ban };

/**
 * How often the id was banned before: in this jail, or with `bantime.overalljails` in all. A ban that stands is none of them: a new
 * one prolongs it, and makes no repeated offender.
 */
export function bansBefore(state: State, jail: string, id: string, limits: Limits): number {
  const own = state.jails.get(jail);
  if (!limits.increment.overalljails) return (own?.bans.get(id)?.count ?? bansOf(own, id) + 1) - 1;
  const all = [...state.jails.values()].reduce((sum, one) => sum + bansOf(one, id), 0);
  return own?.bans.has(id) ? all - 1 : all;
}

/**
 * Counts a failure. On the maxretry-th failure the id is banned and its count starts over. Changes the jail's
 * failures and totals, not its bans. A ban begins at the time of the failure, so that reading a log late or
 * twice gives the same end. `before`: how often the id was banned already.
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
  return { kind: 'ban', ban: makeBan(limits, before, { now: Math.min(time, now), count, origin: 'log' }) };
}

/** A ban that begins at `now`, for the jail's ban time after `before` earlier bans. */
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
