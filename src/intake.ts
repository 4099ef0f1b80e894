import { bansBefore, judge } from './ban.ts';
import { type IgnoreList, ignoredBy } from './ignore.ts';
import { canonicalIp, familyOf, formatNetwork, parseNetwork } from './ip.ts';
import { formatSecond, type Log } from './log.ts';
import type { WorkingJail } from './roster.ts';
import { addBan, type Ban, jailState, type State } from './state.ts';

/** A failure on its way to be counted: a canonical address or network, or an id that is none. */
export type Candidate = { readonly id: string; readonly time: number; readonly lines: readonly string[] };

/** What the intake works on, and whom it tells. */
export type IntakeParts = {
  readonly state: State;
  readonly log: Log;
  /** A new ban is in the state; it has to be enforced and saved. */
  onBan(jail: WorkingJail, id: string, ban: Ban): void;
  /** Somebody whose ban stands goes on failing. */
  onStillThere(jail: WorkingJail, id: string): void;
};

/** The id that is counted: an IPv6 address by the jail's prefix, everything else as it is. */
export function countedId(id: string, ipv6prefix: number): string {
  if (ipv6prefix >= 128 || !id.includes(':')) return id;
  if (canonicalIp(id) !== id || familyOf(id) !== 6) return id;
  const network = parseNetwork(`${id}/${ipv6prefix}`);
  return network === null ? id : formatNetwork(network);
}

/**
 * The id that is counted and banned. Where the network it would be counted by holds somebody who is never banned
 * (an attacker in our own /64), it is the address alone.
 */
export function bannedId(id: string, ipv6prefix: number, ignore: IgnoreList): string {
  const counted = countedId(id, ipv6prefix);
  return counted !== id && ignoredBy(ignore, counted) !== null ? id : counted;
}

/** Counts one failure, after asking who is never banned; bans when the count is reached. */
export function takeFailure(
  parts: IntakeParts,
  working: WorkingJail,
  candidate: Candidate,
  now: number,
): void {
  const { state, log } = parts;
  const { jail, limits, ignore } = working;
  const because = ignoredBy(ignore, candidate.id);
  if (because !== null) {
    log.write('INFO', 'fail2ban.filter', `[${jail.name}] Ignore ${candidate.id} by ${because}`);
    return;
  }
  const id = bannedId(candidate.id, jail.ipv6prefix, ignore);
  if (log.isOn('INFO')) {
    log.write(
      'INFO',
      'fail2ban.filter',
      `[${jail.name}] Found ${candidate.id} - ${formatSecond(candidate.time)}`,
    );
  }
  const own = jailState(state, jail.name);
  const before = bansBefore(state, jail.name, id, limits);
  const verdict = judge(own, { ...candidate, id }, limits, { now, before });
  if (verdict.kind === 'counted') return;
  if (verdict.kind === 'already') {
    log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] ${id} already banned`);
    parts.onStillThere(working, id);
    return;
  }
  if (verdict.ban.until !== null && verdict.ban.until <= now) return;
  addBan(state, jail.name, id, verdict.ban);
  log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] Ban ${id}`);
  if (verdict.ban.count > 1 && limits.increment.enabled) {
    log.write(
      'INFO',
      'fail2ban.observer',
      `[${jail.name}] ${id} is banned for the ${verdict.ban.count}. time`,
    );
  }
  parts.onBan(working, id, verdict.ban);
}
