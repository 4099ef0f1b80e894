/**
 * What one failure leads to. handleFailure() decides about any failure; countPlain() is its short form for an IPv4 address of which
 * only the count matters. Both change counts and bans in the state and nothing else: the caller logs and enforces the decision.
 *
 *     const decision = handleFailure(context, jail, { id: '192.0.2.7', time, matches: [line] }, now);
 *     if (decision.kind === 'ban') enforce(decision.id, decision.ban);
 */

import { canonicalIp, familyOf, formatNetwork, parseNetwork } from '../base/ip.ts';
import type { Jail } from '../config/jail.ts';
import { addBan, type Ban, jailState, type State } from '../state/state.ts';
import { bansBefore, countAndDecide, type Failure } from './ban.ts';
import { type IgnoreList, ignoredBy, mayBeIgnored } from './ignore.ts';
import type { RunningJail } from './jail.ts';
import { lockoutReason, type ProtectedAddresses } from './lockout.ts';
import { type Neighbours, neighboursOf, type RolledUp, rollUp, rollupNetwork } from './rollup.ts';

/** What a failure is judged by, besides its jail. */
export type FailureContext = {
  readonly state: State;
  /** Gateways and SSH logins of this moment. */
  protection(): ProtectedAddresses;
  /** By jail, for those that roll up their bans. */
  readonly neighbours: Map<string, Neighbours>;
};

/** What a failure led to; `id` is the address or network that is banned, which may be wider than the address that failed. */
export type Decision =
  | { readonly kind: 'counted' }
  /** The id is never banned; `because` is fail2ban's word for the rule. */
  | { readonly kind: 'ignored'; readonly because: string }
  /** The count was reached, but the ban would lock out the admin. */
  | { readonly kind: 'guarded'; readonly id: string; readonly because: string }
  /** The count was reached by an id whose ban stands: the ban may have no effect. */
  | { readonly kind: 'already'; readonly id: string }
  /** The ban is in the state; `rollup`, when not null, is in it too, in the place of its hosts' bans. */
  | { readonly kind: 'ban'; readonly id: string; readonly ban: Ban; readonly rollup: RolledUp | null };

const COUNTED: Decision = { kind: 'counted' };

/** The id that is counted: an IPv6 address by the jail's prefix, everything else as it is. */
export function countedId(id: string, ipv6prefix: number): string {
  if (ipv6prefix >= 128 || !id.includes(':')) return id;
  if (canonicalIp(id) !== id || familyOf(id) !== 6) return id;
  const network = parseNetwork(`${id}/${ipv6prefix}`);
  return network === null ? id : formatNetwork(network);
}

/**
 * The id that is counted and banned. Where the network it would be counted by holds an address that is never banned
 * (an attacker in our own /64), it is the address alone.
 */
export function bannedId(
  id: string,
  ipv6prefix: number,
  ignore: IgnoreList,
  protection: ProtectedAddresses,
): string {
  const counted = countedId(id, ipv6prefix);
  if (counted === id) return id;
  const isSpared = ignoredBy(ignore, counted) !== null || lockoutReason(protection, counted) !== null;
  return isSpared ? id : counted;
}

/** The protected addresses of a jail: its `protectssh` may leave out the logins. */
export function protectedFor(jail: Jail, protection: ProtectedAddresses): ProtectedAddresses {
  return jail.protectssh ? protection : { ...protection, sessions: new Set() };
}

/**
 * Counts a failure of an IPv4 address, an unsigned number, when that is all there is to do: nothing is banned, ignored, looked up or
 * kept for actions. False, and nothing done, when the failure needs handleFailure(). A flood of addresses costs half of what it
 * would there.
 */
export function countPlain(
  state: State,
  { jail, limits, ignore }: RunningJail,
  ip: number,
  time: number,
): boolean {
  if (jail.rollup !== null || limits.maxmatches > 0 || limits.increment.enabled) return false;
  if (jail.ignore.command !== null || mayBeIgnored(ignore, ip)) return false;
  const own = jailState(state, jail.name);
  if (!own.failures.countIp(ip, time, limits)) return false;
  own.totalFailed += 1;
  return true;
}

/** Counts one failure, unless its id is never banned; bans when the count is reached. */
export function handleFailure(
  context: FailureContext,
  running: RunningJail,
  failure: Failure,
  now: number,
): Decision {
  const { jail, limits, ignore } = running;
  const ignored = ignoredBy(ignore, failure.id);
  if (ignored !== null) return { kind: 'ignored', because: ignored };
  const { state } = context;
  const protection = protectedFor(jail, context.protection());
  const id = bannedId(failure.id, jail.ipv6prefix, ignore, protection);
  const own = jailState(state, jail.name);
  const outer = jail.rollup === null ? null : rollupNetwork(jail.rollup, id);
  if (outer !== null && own.bans.has(outer)) return { kind: 'already', id };
  const before = bansBefore(state, jail.name, id, limits);
  const result = countAndDecide(own, { ...failure, id }, limits, { now, before });
  if (result.kind === 'counted') return COUNTED;
  if (result.kind === 'already') return { kind: 'already', id };
  const { ban } = result;
  if (ban.until !== null && ban.until <= now) return COUNTED;
  const guarded = lockoutReason(protection, id);
  if (guarded !== null) return { kind: 'guarded', id, because: guarded };
  addBan(state, jail.name, id, ban);
  return { kind: 'ban', id, ban, rollup: replaceHosts(context, running, id, protection) };
}

/** Rolls up the bans of many hosts into one of their network, where the jail wants that and the network may be banned. */
function replaceHosts(
  { state, neighbours: byJail }: FailureContext,
  { jail, ignore }: RunningJail,
  id: string,
  protection: ProtectedAddresses,
): RolledUp | null {
  if (jail.rollup === null) return null;
  const { bans } = jailState(state, jail.name);
  const neighbours = byJail.get(jail.name) ?? neighboursOf(jail.rollup, bans.keys());
  byJail.set(jail.name, neighbours);
  const rolled = rollUp(jail.rollup, neighbours, bans, id);
  if (rolled === null || bans.has(rolled.network)) return null;
  if (ignoredBy(ignore, rolled.network) !== null) return null;
  if (lockoutReason(protection, rolled.network) !== null) return null;
  addBan(state, jail.name, rolled.network, rolled.ban);
  for (const host of rolled.hosts) bans.delete(host);
  neighbours.delete(rolled.network);
  return rolled;
}
