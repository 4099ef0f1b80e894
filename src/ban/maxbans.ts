/**
 * Keeps the bans that a log makes in one jail within `maxbans`.
 *
 * Beyond half of it, a network that holds many bans becomes one ban. At `maxbans` itself the widest network with the most bans
 * gives way: a new ban from there is refused, and one from elsewhere takes the place of its newest ones. So an attacker with many
 * addresses does not push out the others. Bans by hand do not count. Bans for ever count, and never go.
 *
 * Pure: changes the bans of the given jail, and returns what is to be done about it at the firewall.
 */
import { familyOf, masked, parseIp6, parseNetwork } from '../base/ip.ts';
import { type Ban, endBan, type JailState } from '../state/state.ts';
import { putNetwork, type RolledUp } from './rollup.ts';

/** A network of `prefix` that holds so many bans becomes one ban. */
type Level = { readonly prefix: 16 | 24 | 32 | 48; readonly hosts: number };

/** Narrow ones first. All prefixes end at a dot or a colon of the written address. */
const LEVELS: Readonly<Record<4 | 6, readonly [Level, Level]>> = {
  4: [
    { prefix: 24, hosts: 32 },
    { prefix: 16, hosts: 4096 },
  ],
  6: [
    { prefix: 48, hosts: 32 },
    { prefix: 32, hosts: 4096 },
  ],
};
/** One part in so many: the places that are made free at a time, and the new bans between two looks for networks. */
const PART = 64;

/** What a jail's limit depends on. `mayBan`: whether a network holds nobody who is never banned. */
export type BanLimit = {
  readonly maxbans: number;
  /** Length of a network's ban in seconds; null = bans are for ever, and do not roll up. */
  readonly bantime: number | null;
  mayBan(network: string): boolean;
};

/** The log-made bans of a jail as they were counted last. */
export type LogBans = {
  /** Number of all bans of the jail at that time, by which a change by others is noticed. */
  size: number;
  /** Number of log-made bans. */
  count: number;
  /** Those that end, by their widest network; and the most in one. */
  byNetwork: Map<string, number>;
  most: number;
  /** The count at which networks are looked for again. */
  nextRollup: number;
};

/** What made room for a ban. */
export type Room = {
  /** Whether there is a place for it. */
  readonly isFree: boolean;
  readonly rolledUp: readonly RolledUp[];
  /** Bans that were ended to make room. */
  readonly ended: readonly { readonly id: string; readonly ban: Ban }[];
};

/** Counts the log-made bans; null while there are too few to matter. */
export function countLogBans({ bans }: JailState, maxbans: number, earlier: LogBans | null): LogBans | null {
  if (bans.size <= maxbans / 2) return null;
  if (earlier?.size === bans.size) return earlier;
  const counted = { size: bans.size, count: 0, byNetwork: new Map<string, number>(), most: 0 };
  for (const [id, ban] of bans) if (ban.origin === 'log') countOne(counted, id, ban);
  return { ...counted, nextRollup: Math.min(earlier?.nextRollup ?? 0, counted.count + partOf(maxbans)) };
}

function countOne(known: Omit<LogBans, 'nextRollup'>, id: string, ban: Ban): void {
  known.count++;
  if (ban.until === null) return;
  const network = widestOf(id);
  const here = (known.byNetwork.get(network) ?? 0) + 1;
  known.byNetwork.set(network, here);
  known.most = Math.max(known.most, here);
}

/** Notes that the jail has one more log-made ban. */
export function noteLogBan(known: LogBans, { bans }: JailState, id: string, ban: Ban): void {
  countOne(known, id, ban);
  known.size = bans.size;
}

/** Notes that a network's ban took the place of its hosts' bans. */
export function noteRollup(known: LogBans, { bans }: JailState, { network, ban, hosts }: RolledUp): void {
  countOne(known, network, ban);
  known.count -= hosts.length;
  for (const id of hosts) {
    const widest = widestOf(id);
    known.byNetwork.set(widest, Math.max(0, (known.byNetwork.get(widest) ?? 0) - 1));
  }
  known.size = bans.size;
}

/** Makes room for a log-made ban of `id`, which is not in the jail yet. */
export function makeRoom(jail: JailState, known: LogBans, id: string, limit: BanLimit): Room {
  const { maxbans } = limit;
  const rolledUp: RolledUp[] = [];
  if (known.count >= known.nextRollup && known.count > maxbans / 2) {
    for (const level of [0, 1] as const) rolledUp.push(...rollUpLevel(jail, level, limit));
    if (rolledUp.length > 0) recount(jail, known);
    known.nextRollup = known.count + partOf(maxbans);
  }
  if (known.count < maxbans) return { isFree: true, rolledUp, ended: [] };
  const here = known.byNetwork.get(widestOf(id)) ?? 0;
  // In place of one that is as alone as it, nobody would gain.
  if (here + 1 >= known.most) return { isFree: false, rolledUp, ended: [] };
  const places = partOf(maxbans);
  const ended = endNewest(jail, mostToKeep(known, places, here + 1), places);
  recount(jail, known);
  return { isFree: known.count < maxbans, rolledUp, ended };
}

function recount(jail: JailState, known: LogBans): void {
  const fresh = countLogBans(jail, 0, null);
  const { nextRollup } = known;
  Object.assign(known, fresh ?? { size: 0, count: 0, byNetwork: new Map(), most: 0 }, { nextRollup });
}

function partOf(maxbans: number): number {
  return Math.ceil(maxbans / PART);
}

/** Makes bans of the networks of one level that hold enough of them. Bans that end later than their network's stay. */
function rollUpLevel(jail: JailState, level: 0 | 1, limit: BanLimit): RolledUp[] {
  const { bantime } = limit;
  if (bantime === null) return [];
  const counts = new Map<string, number>();
  for (const [id, ban] of jail.bans) {
    const key = memberKey(id, ban, level);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const members = new Map<string, [string, Ban][]>();
  for (const [key, count] of counts) if (count >= hostsOf(key, level)) members.set(key, []);
  if (members.size === 0) return [];
  for (const [id, ban] of jail.bans) {
    const key = memberKey(id, ban, level);
    if (key !== null) members.get(key)?.push([id, ban]);
  }
  return [...members.values()].flatMap((all) => {
    const rolled = networkBan(all, level, bantime);
    if (rolled === null || !limit.mayBan(rolled.network)) return [];
    return [putNetwork(jail, rolled)];
  });
}

function hostsOf(key: string, level: 0 | 1): number {
  return LEVELS[familyOf(key)][level].hosts;
}

function networkBan(members: readonly [string, Ban][], level: 0 | 1, bantime: number): RolledUp | null {
  const all = members.filter(([id]) => parseNetwork(id) !== null);
  const [first] = all;
  if (first === undefined) return null;
  const at = all.reduce((latest, [, ban]) => Math.max(latest, ban.at), 0);
  const until = at + bantime;
  const { prefix, hosts: fewest } = LEVELS[familyOf(first[0])][level];
  const failures = all.reduce((sum, [, ban]) => sum + ban.failures, 0);
  const ban: Ban = { at, until, failures, count: 1, origin: 'log', matches: [], pending: first[1].pending };
  const hosts = all.flatMap(([id, { until: end }]) => (end !== null && end <= until ? [id] : []));
  if (hosts.length < fewest) return null;
  return { network: `${masked(addressOf(first[0]), prefix)}/${prefix}`, ban, hosts };
}

/** The network of that level that would roll up the ban; null if it is not to be rolled up. */
function memberKey(id: string, { origin, until }: Ban, level: 0 | 1): string | null {
  if (origin !== 'log' || until === null || !isAddress(id)) return null;
  const { prefix } = LEVELS[familyOf(id)][level];
  const slash = id.indexOf('/');
  return slash >= 0 && Number(id.slice(slash + 1)) <= prefix ? null : networkKey(id, prefix);
}

/** The networks of an address by which its jail may have banned it without being told to. */
export function crowdedNetworks(id: string): readonly string[] {
  const network = isAddress(id) ? parseNetwork(id) : null;
  if (network === null) return [];
  return LEVELS[network.family].flatMap(({ prefix }) =>
    prefix < network.prefix ? [`${masked(network.address, prefix)}/${prefix}`] : [],
  );
}

/** How many bans each network may keep, so that about `wanted` of all go, and never fewer than `least`. */
function mostToKeep({ byNetwork, most }: LogBans, wanted: number, least: number): number {
  const sizes = [...byNetwork.values()].sort((a, b) => b - a);
  let keep = most;
  for (let at = 0, gone = 0; at < sizes.length && gone < wanted && keep > least; at++) {
    const next = Math.max(least, sizes[at + 1] ?? 0);
    const places = at + 1;
    const step = Math.min(keep - next, Math.ceil((wanted - gone) / places));
    keep -= step;
    gone += step * places;
  }
  return keep;
}

/** Ends the newest bans of each network that has more than `keep`, `most` of them in all. */
function endNewest(jail: JailState, keep: number, most: number): Room['ended'] {
  const seen = new Map<string, number>();
  const ended: { id: string; ban: Ban }[] = [];
  for (const [id, ban] of jail.bans) {
    if (ban.origin !== 'log' || ban.until === null) continue;
    const network = widestOf(id);
    const here = (seen.get(network) ?? 0) + 1;
    seen.set(network, here);
    if (here <= keep) continue;
    endBan(jail, id);
    ended.push({ id, ban });
    if (ended.length === most) break;
  }
  return ended;
}

/** What bans are compared by at `maxbans`: the widest network of an address, and one for all ids that are no addresses. */
function widestOf(id: string): string {
  return isAddress(id) ? networkKey(id, LEVELS[familyOf(id)][1].prefix) : '';
}

/** The first groups of the written address: as good as the network, and quicker. */
function networkKey(id: string, prefix: Level['prefix']): string {
  const isIp4 = prefix < 32 && !id.includes(':');
  if (isIp4) {
    const second = id.indexOf('.', id.indexOf('.') + 1);
    return prefix === 16 ? id.slice(0, second) : id.slice(0, id.indexOf('.', second + 1));
  }
  const groups = id.split(':', prefix / 16);
  if (!groups.includes('')) return groups.join(':');
  const parsed = parseIp6(addressOf(id)) ?? [];
  return parsed
    .slice(0, prefix / 16)
    .map((group) => group.toString(16))
    .join(':');
}

function addressOf(id: string): string {
  const slash = id.indexOf('/');
  return slash < 0 ? id : id.slice(0, slash);
}

function isAddress(id: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}(?:\/|$)/.test(id) || /^[\da-f]{0,4}:[\da-f:]*:[\da-f:]*(?:\/|$)/.test(id);
}
