/**
 * Turns a failure into a decision.
 *
 * handleFailure() handles any failure; countPlain() is a short cut for an IPv4 address that only has to be
 * counted. Both change counts and bans in the state and nothing else: the caller logs and enforces the
 * decision.
 *
 *     const decision = handleFailure(context, jail, { id: '192.0.2.7', time, matches: [line] }, now);
 *     if (decision.kind === 'ban') enforce(decision.id, decision.ban);
 */

import { canonicalIp, familyOf, formatNetwork, parseNetwork } from '../base/ip.ts';
import type { Jail } from '../config/jail.ts';
import { addBan, type Ban, type JailState, jailState, noteRefused, type State } from '../state/state.ts';
import { bansBefore, countAndDecide, type Failure } from './ban.ts';
import { type IgnoreList, ignoredBy, mayBeIgnored } from './ignore.ts';
import type { RunningJail } from './jail.ts';
import { lockoutReason, type ProtectedAddresses } from './lockout.ts';
import {
  countLogBans,
  crowdedNetworks,
  type LogBans,
  makeRoom,
  noteLogBan,
  noteRollup,
  type Room,
} from './maxbans.ts';
import { type Neighbours, neighboursOf, putNetwork, type RolledUp, rollUp, rollupNetwork } from './rollup.ts';

/** The state and the lists that a decision depends on, in addition to the jail. */
export type FailureContext = {
  readonly state: State;
  /** Current gateways and SSH logins. */
  protection(): ProtectedAddresses;
  /** By name, for jails that roll up their bans. */
  readonly neighbours: Map<string, Neighbours>;
  /** By name, for jails with so many bans that `maxbans` is near. */
  readonly logBans: Map<string, LogBans>;
};

/**
 * The decision on a failure. `id` is the address or network to ban, which may be wider than the failed
 * address.
 */
export type Decision =
  | { readonly kind: 'counted' }
  /** The id is never banned; `because` is fail2ban's name of the rule. */
  | { readonly kind: 'ignored'; readonly because: string }
  /** The id reached maxretry, but the ban would lock out the admin. */
  | { readonly kind: 'guarded'; readonly id: string; readonly because: string }
  /** The count was reached by an id whose ban stands and ends no earlier: the ban may have no effect. */
  | { readonly kind: 'already'; readonly id: string }
  /** The same, and its ban ends later now; `id` is the network where the ban of that holds it. */
  | { readonly kind: 'prolonged'; readonly id: string; readonly until: number | null }
  /** The ban is in the state. `room`: what is in it, too, since the jail has many bans. */
  | { readonly kind: 'ban'; readonly id: string; readonly ban: Ban; readonly room: Room }
  /** There is no ban of the id: that of a network that was just rolled up holds it, or there is no room. */
  | { readonly kind: 'held' | 'full'; readonly id: string; readonly room: Room };

const COUNTED: Decision = { kind: 'counted' };
/** Networks without bans that are remembered in a jail that rolls up, besides twice as many as there are bans. */
const MOST_STALE = 1000;
const NO_ROOM_NEEDED: Room = { isFree: true, rolledUp: [] };

/** The id to count: an IPv6 address is counted by the jail's prefix, any other id as it is. */
export function countedId(id: string, ipv6prefix: number): string {
  if (ipv6prefix >= 128 || !id.includes(':')) return id;
  if (canonicalIp(id) !== id || familyOf(id) !== 6) return id;
  const network = parseNetwork(`${id}/${ipv6prefix}`);
  return network === null ? id : formatNetwork(network);
}

/**
 * The id to count and ban. If its network contains an address that is never banned (an attacker in our own
 * /64), it is the address alone.
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

/** The protected addresses of a jail: without the logins if `protectssh` is off. */
export function protectedFor(jail: Jail, protection: ProtectedAddresses): ProtectedAddresses {
  return jail.protectssh ? protection : { ...protection, sessions: new Set() };
}

/**
 * Counts a failure of an IPv4 address, an unsigned number, at half the cost of handleFailure(). False,
 * without any change, if the failure needs handleFailure(): for a ban, an ignored address, a look-up, or
 * lines for actions.
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

/** Counts a failure, unless its id is never banned; bans on the maxretry-th. */
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
  const before = bansBefore(state, jail.name, id, limits);
  const result = countAndDecide(own, { ...failure, id }, limits, { now, before });
  if (result.kind === 'counted') return COUNTED;
  const { ban } = result;
  const target = holderOf(running, own, id);
  if (ban.until !== null && ban.until <= now) return own.bans.has(target) ? { kind: 'already', id } : COUNTED;
  const guarded = lockoutReason(protection, id);
  if (guarded !== null) return { kind: 'guarded', id, because: guarded };
  if (own.bans.has(target)) {
    const effect = addBan(state, jail.name, target, ban);
    if (effect === 'kept') return { kind: 'already', id };
    if (effect === 'prolonged') return { kind: 'prolonged', id: target, until: ban.until };
    return { kind: 'ban', id: target, ban, room: NO_ROOM_NEEDED };
  }
  return banNew(context, running, { id, ban, protection });
}

/** The id, or the network of the jail by whose ban it is held. */
function holderOf({ jail }: RunningJail, { bans }: JailState, id: string): string {
  const outer = jail.rollup === null ? null : rollupNetwork(jail.rollup, id);
  if (outer !== null && bans.has(outer)) return outer;
  if (bans.has(id)) return id;
  return crowdedNetworks(id).find((network) => bans.get(network)?.origin === 'log') ?? id;
}

type NewBan = { readonly id: string; readonly ban: Ban; readonly protection: ProtectedAddresses };

/** Bans what has no ban in the jail yet, if there is room. */
function banNew(context: FailureContext, running: RunningJail, { id, ban, protection }: NewBan): Decision {
  const { state, logBans } = context;
  const { jail, limits, ignore } = running;
  const own = jailState(state, jail.name);
  const known = countLogBans(own, jail.maxbans, logBans.get(jail.name) ?? null);
  let room = NO_ROOM_NEEDED;
  if (known === null) logBans.delete(jail.name);
  else {
    logBans.set(jail.name, known);
    // A command cannot be asked whether it would ignore one of a network.
    const mayBan = (network: string): boolean =>
      jail.ignore.command === null &&
      ignoredBy(ignore, network) === null &&
      lockoutReason(protection, network) === null;
    room = makeRoom(own, known, id, { maxbans: jail.maxbans, bantime: limits.bantime, mayBan });
  }
  if (room.rolledUp.length > 0 && holderOf(running, own, id) !== id) return { kind: 'held', id, room };
  if (!room.isFree) {
    noteRefused(own, id, ban.at);
    return { kind: 'full', id, room };
  }
  addBan(state, jail.name, id, ban);
  if (known !== null) noteLogBan(known, own, id);
  const replaced = replaceHosts(context, running, id, protection);
  if (replaced === null) return { kind: 'ban', id, ban, room };
  if (known !== null) noteRollup(known, own, replaced);
  return { kind: 'ban', id, ban, room: { ...room, rolledUp: [...room.rolledUp, replaced] } };
}

/**
 * Replaces the bans of many hosts by one of their network, if the jail rolls up and the network may be
 * banned.
 */
function replaceHosts(
  { state, neighbours: byJail }: FailureContext,
  { jail, ignore }: RunningJail,
  id: string,
  protection: ProtectedAddresses,
): RolledUp | null {
  if (jail.rollup === null) return null;
  const own = jailState(state, jail.name);
  const { bans } = own;
  const known = byJail.get(jail.name);
  // Networks whose bans are over are known until there are too many of them.
  const isKnown = known !== undefined && known.size <= 2 * bans.size + MOST_STALE;
  const neighbours = isKnown ? known : neighboursOf(jail.rollup, bans.keys());
  byJail.set(jail.name, neighbours);
  const rolled = rollUp(jail.rollup, neighbours, bans, id);
  if (rolled === null || bans.has(rolled.network)) return null;
  if (ignoredBy(ignore, rolled.network) !== null) return null;
  if (lockoutReason(protection, rolled.network) !== null) return null;
  neighbours.delete(rolled.network);
  return putNetwork(own, rolled);
}
