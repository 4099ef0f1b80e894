import { canonicalIp, familyOf, formatNetwork, parseNetwork } from '../base/ip.ts';
import { formatSecond, type Log } from '../base/log.ts';
import type { Jail } from '../config/jail.ts';
import { addBan, type Ban, jailState, type State } from '../state/state.ts';
import { bansBefore, countAndDecide } from './ban.ts';
import { type IgnoreList, ignoredBy, mayBeIgnored } from './ignore.ts';
import type { RunningJail } from './jail.ts';
import { lockoutReason, type ProtectedAddresses } from './lockout.ts';
import { type Neighbours, neighboursOf, rollUp, rollupNetwork } from './rollup.ts';

/** A failure on its way to be counted: a canonical address or network, or an id that is none. */
export type Candidate = { readonly id: string; readonly time: number; readonly lines: readonly string[] };

/** What the intake works on, and whom it tells. */
export type FailureParts = {
  readonly state: State;
  readonly log: Log;
  /** Gateways and SSH logins of this moment. */
  protection(): ProtectedAddresses;
  /** By jail, for those that roll up their bans. */
  readonly neighbours: Map<string, Neighbours>;
  /** A new ban is in the state; it has to be enforced and saved. */
  onBan(jail: RunningJail, id: string, ban: Ban): void;
  /** Another ban took the place of these, which are no longer in the state. */
  onReplaced(jail: RunningJail, ids: readonly string[]): void;
  /** Somebody whose ban stands goes on failing. */
  onStillThere(jail: RunningJail, id: string): void;
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
export function bannedId(
  id: string,
  ipv6prefix: number,
  ignore: IgnoreList,
  protection?: ProtectedAddresses,
): string {
  const counted = countedId(id, ipv6prefix);
  if (counted === id) return id;
  const isSpared =
    ignoredBy(ignore, counted) !== null ||
    (protection !== undefined && lockoutReason(protection, counted) !== null);
  return isSpared ? id : counted;
}

/** What of the surroundings counts for a jail: its `protectssh` may leave out the logins. */
export function protectedFor(jail: Jail, protection: ProtectedAddresses): ProtectedAddresses {
  return jail.protectssh ? protection : { ...protection, sessions: new Set() };
}

/** Whether a failure in the jail is but an address and a time, so that countAddress() may take it. */
export function isPlain({ jail, limits }: RunningJail): boolean {
  return jail.rollup === null && limits.maxmatches === 0 && !limits.increment.enabled;
}

/**
 * Counts a failure of an IPv4 address, an unsigned number, when that is all there is to do: nobody bans, nobody is ignored. False,
 * and nothing done, when handleFailure() has to decide. A flood of addresses costs half of what it would there.
 */
export function countAddress(
  { state, log }: Pick<FailureParts, 'state' | 'log'>,
  { jail, limits, ignore }: RunningJail,
  ip: number,
  time: number,
): boolean {
  const own = jailState(state, jail.name);
  if (mayBeIgnored(ignore, ip) || !own.failures.countIp(ip, time, limits)) return false;
  log.found(jail.name, ip, time);
  own.totalFailed += 1;
  return true;
}

/** Counts one failure, after asking who is never banned; bans when the count is reached. */
export function handleFailure(
  parts: FailureParts,
  working: RunningJail,
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
  const protection = protectedFor(jail, parts.protection());
  const id = bannedId(candidate.id, jail.ipv6prefix, ignore, protection);
  if (log.isOn('INFO')) {
    log.write(
      'INFO',
      'fail2ban.filter',
      `[${jail.name}] Found ${candidate.id} - ${formatSecond(candidate.time)}`,
    );
  }
  const own = jailState(state, jail.name);
  const outer = jail.rollup === null ? null : rollupNetwork(jail.rollup, id);
  if (outer !== null && own.bans.has(outer)) {
    log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] ${id} already banned`);
    parts.onStillThere(working, id);
    return;
  }
  const before = bansBefore(state, jail.name, id, limits);
  const decision = countAndDecide(own, { ...candidate, id }, limits, { now, before });
  if (decision.kind === 'counted') return;
  if (decision.kind === 'already') {
    log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] ${id} already banned`);
    parts.onStillThere(working, id);
    return;
  }
  if (decision.ban.until !== null && decision.ban.until <= now) return;
  const guarded = lockoutReason(protection, id);
  if (guarded !== null) {
    log.write('WARNING', 'fail2ban.actions', `[${jail.name}] ${id} is not banned: ${guarded}`);
    return;
  }
  addBan(state, jail.name, id, decision.ban);
  log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] Ban ${id}`);
  if (decision.ban.count > 1 && limits.increment.enabled) {
    log.write(
      'INFO',
      'fail2ban.observer',
      `[${jail.name}] ${id} is banned for the ${decision.ban.count}. time`,
    );
  }
  parts.onBan(working, id, decision.ban);
  replaceHosts(parts, working, id);
}

/** Rolls up the bans of many hosts into one of their network, where the jail wants that and nobody in it is protected. */
function replaceHosts(parts: FailureParts, working: RunningJail, id: string): void {
  const { jail, ignore } = working;
  if (jail.rollup === null) return;
  const { bans } = jailState(parts.state, jail.name);
  const neighbours = parts.neighbours.get(jail.name) ?? neighboursOf(jail.rollup, bans.keys());
  parts.neighbours.set(jail.name, neighbours);
  const rolled = rollUp(jail.rollup, neighbours, bans, id);
  if (rolled === null || bans.has(rolled.network)) return;
  const because =
    ignoredBy(ignore, rolled.network) ??
    lockoutReason(protectedFor(jail, parts.protection()), rolled.network);
  if (because !== null) return;
  addBan(parts.state, jail.name, rolled.network, rolled.ban);
  for (const host of rolled.hosts) bans.delete(host);
  neighbours.delete(rolled.network);
  parts.log.write('NOTICE', 'fail2ban.actions', `[${jail.name}] Ban ${rolled.network}`);
  const what = `[${jail.name}] ${rolled.network} takes the place of ${rolled.hosts.length} bans in it`;
  parts.log.write('INFO', 'fail2ban.actions', what);
  parts.onBan(working, rolled.network, rolled.ban);
  parts.onReplaced(working, rolled.hosts);
}
