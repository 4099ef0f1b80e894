import type { Increment } from '../config/jail.ts';

/** Ban times stop doubling after this many bans, as in fail2ban. */
const MOST_DOUBLINGS = 20;

/** Ban time of an id that was banned `before` times; seconds, null = for ever. */
export type Escalate = (bantime: number | null, before: number) => number | null;

/**
 * The rule of jail.conf(5) `bantime.increment`. The first ban lasts bantime. Later ones use the multipliers,
 * else the formula, else double each time; times the factor, at most maxtime, plus up to rndtime. `random`
 * returns numbers from 0 to 1.
 */
export function makeEscalation(increment: Increment, random: () => number): Escalate {
  if (!increment.enabled) return (bantime) => bantime;
  const { factor, formula, multipliers, maxtime, rndtime } = increment;
  const grown = (time: number, count: number): number => {
    if (multipliers.length > 0)
      return time * factor * (multipliers[Math.min(count, multipliers.length - 1)] ?? 1);
    if (formula !== null) return Math.max(time, formula.compute({ time, count, factor }));
    return Math.max(time, time * 2 ** Math.min(count, MOST_DOUBLINGS) * factor);
  };
  return (bantime, before) => {
    if (bantime === null || before === 0) return bantime;
    const wanted = grown(bantime, before);
    const sane = Number.isFinite(wanted) ? wanted : Number.MAX_SAFE_INTEGER;
    return Math.min(sane, maxtime ?? Number.MAX_SAFE_INTEGER) + random() * rndtime;
  };
}

/** The weight of one failure of an id that was banned `before` times (fail2ban 1.0.2 behaviour). */
export function weightOf(increment: Increment, before: number, maxretry: number): number {
  if (!increment.enabled || before === 0) return 1;
  return Math.max(1, Math.min(maxretry, 2 ** Math.min(before, MOST_DOUBLINGS) / 2 + 1));
}
