import { familyOf, masked } from '../base/ip.ts';
import type { Rollup } from '../config/jail.ts';
import { type Ban, type JailState, putBan } from '../state/state.ts';

/** Banned ids by the network that would roll them up; may contain ids whose ban has ended. */
export type Neighbours = Map<string, Set<string>>;

/** A ban of a network that replaces its hosts' bans. */
export type RolledUp = { readonly network: string; readonly ban: Ban; readonly hosts: readonly string[] };

/**
 * The network that rolls up an address; null if its family is not rolled up, or the id is not a single
 * address.
 */
export function rollupNetwork(rollup: Rollup, id: string): string | null {
  if (id.includes('/') && !id.includes(':')) return null;
  const isAddress = /^[\d.]+$/.test(id) || /^[\da-f:.]+(?:\/\d+)?$/.test(id);
  if (!isAddress || !/[.:]/.test(id)) return null;
  const rule = familyOf(id) === 4 ? rollup.v4 : rollup.v6;
  const [bare = id, length] = id.split('/');
  // IPv6 hosts may be counted by their /64.
  if (rule === null || (length !== undefined && Number(length) <= rule.prefix)) return null;
  return `${masked(bare, rule.prefix)}/${rule.prefix}`;
}

/** All banned ids by the network that would roll them up. */
export function neighboursOf(rollup: Rollup, ids: Iterable<string>): Neighbours {
  const neighbours: Neighbours = new Map();
  for (const id of ids) addNeighbour(rollup, neighbours, id);
  return neighbours;
}

function addNeighbour(rollup: Rollup, neighbours: Neighbours, id: string): ReadonlySet<string> {
  const network = rollupNetwork(rollup, id);
  if (network === null) return new Set();
  const known = neighbours.get(network) ?? new Set();
  neighbours.set(network, known.add(id));
  return known;
}

/**
 * The rollup after the ban of `id`, which is already in `bans`: once the network has as many banned hosts as
 * the rule says, a ban of the network, as long as the longest of theirs. Null if there is none. Only changes
 * `neighbours`.
 */
export function rollUp(
  rollup: Rollup,
  neighbours: Neighbours,
  bans: ReadonlyMap<string, Ban>,
  id: string,
): RolledUp | null {
  const known = addNeighbour(rollup, neighbours, id);
  const network = rollupNetwork(rollup, id);
  const newest = bans.get(id);
  const rule = familyOf(id) === 4 ? rollup.v4 : rollup.v6;
  if (network === null || newest === undefined || rule === null || known.size < rule.hosts) return null;
  // A ban by hand stays what it is.
  const hosts = [...known].filter((host) => bans.get(host)?.origin === 'log');
  if (hosts.length < rule.hosts) {
    neighbours.set(network, new Set(hosts));
    return null;
  }
  const all = hosts.flatMap((host) => bans.get(host) ?? []);
  const isForEver = all.some(({ until }) => until === null);
  const ban: Ban = {
    ...newest,
    until: isForEver ? null : Math.max(...all.map(({ until }) => until ?? 0)),
    failures: all.reduce((sum, { failures }) => sum + failures, 0),
    count: 1,
    matches: [],
  };
  return { network, ban, hosts };
}

/** Puts the network's ban into the jail, in the place of its hosts' bans. */
export function putNetwork(jail: JailState, rolled: RolledUp): RolledUp {
  putBan(jail, rolled.network, rolled.ban);
  for (const host of rolled.hosts) jail.bans.delete(host);
  return { ...rolled, ban: jail.bans.get(rolled.network) ?? rolled.ban };
}
