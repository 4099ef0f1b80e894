/**
 * Keeps the bans that a log makes in one jail within `maxbans`.
 *
 * Beyond half of it, a network that holds many bans becomes one ban, and one that still holds a large part of all gets no more.
 * The last eighth is for ids that the jail knows: they were banned before, or refused. No ban is ended to make room for another,
 * so that a flood pushes nobody out. Bans by hand do not count. Bans for ever count.
 *
 * Pure: changes the bans of the given jail, and returns what is to be done about it at the firewall.
 */
import { familyOf, masked, parseIp6, parseNetwork } from '../base/ip.ts';
import type { Ban, JailState } from '../state/state.ts';
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
/** One part in so many: the new bans between two looks for networks. */
const PART = 64;
/** Parts of `maxbans` that a /16 (IPv6: /32) and a /8 (/20) may hold beyond half of it. */
const SHARES = { narrow: 1 / 8, wide: 1 / 4 } as const;
/** In a small jail it is at least as many as roll up. */
const LEAST_SHARE = 32;
/** Part of `maxbans` up to which any id is banned. */
const FOR_ALL = 7 / 8;

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
  /** By /16 and /8, IPv6 by /32 and /20. */
  byNetwork: Map<string, number>;
  /** The count at which networks are looked for again. */
  nextRollup: number;
};

/** What made room for a ban. */
export type Room = {
  /** Whether there is a place for it. */
  readonly isFree: boolean;
  readonly rolledUp: readonly RolledUp[];
};

/** Counts the log-made bans; null while there are too few to matter. */
export function countLogBans({ bans }: JailState, maxbans: number, earlier: LogBans | null): LogBans | null {
  if (bans.size < maxbans / 2) return null;
  if (earlier?.size === bans.size) return earlier;
  const counted = { size: bans.size, count: 0, byNetwork: new Map<string, number>() };
  for (const [id, ban] of bans) if (ban.origin === 'log') countOne(counted, id, 1);
  return { ...counted, nextRollup: Math.min(earlier?.nextRollup ?? 0, counted.count + partOf(maxbans)) };
}

function countOne(known: Omit<LogBans, 'nextRollup'>, id: string, more: 1 | -1): void {
  known.count += more;
  for (const { key } of sharersOf(id)) known.byNetwork.set(key, (known.byNetwork.get(key) ?? 0) + more);
}

/** Notes that the jail has one more log-made ban. */
export function noteLogBan(known: LogBans, { bans }: JailState, id: string): void {
  countOne(known, id, 1);
  known.size = bans.size;
}

/** Notes that a ban of the jail is over. */
export function noteEnd(known: LogBans, id: string, { origin }: Ban): void {
  if (origin === 'log') countOne(known, id, -1);
  known.size--;
}

/** Notes that a network's ban took the place of its hosts' bans. */
export function noteRollup(known: LogBans, { bans }: JailState, { network, hosts }: RolledUp): void {
  countOne(known, network, 1);
  for (const id of hosts) countOne(known, id, -1);
  known.size = bans.size;
}

/** Looks whether there is room for a log-made ban of `id`, which is not in the jail yet, and makes some. */
export function makeRoom(jail: JailState, known: LogBans, id: string, limit: BanLimit): Room {
  const { maxbans } = limit;
  const rolledUp: RolledUp[] = [];
  if (known.count >= known.nextRollup && known.count >= maxbans / 2) {
    for (const level of [0, 1] as const) rolledUp.push(...rollUpLevel(jail, level, limit));
    for (const one of rolledUp) noteRollup(known, jail, one);
    known.nextRollup = known.count + partOf(maxbans);
  }
  return { isFree: hasRoom(jail, known, id, maxbans), rolledUp };
}

function hasRoom({ past }: JailState, { count, byNetwork }: LogBans, id: string, maxbans: number): boolean {
  if (count < maxbans / 2) return true;
  if (count >= (past.has(id) ? maxbans : maxbans * FOR_ALL)) return false;
  return sharersOf(id).every(
    ({ key, share }) => (byNetwork.get(key) ?? 0) < Math.max(LEAST_SHARE, maxbans * share),
  );
}

/** How near a jail is to its limit. */
export type Crowd = {
  /** Number of log-made bans. */
  readonly count: number;
  /** Only known ids are banned, or none. */
  readonly isFull: boolean;
  /** Ids of which it is known that there was no room for their bans. */
  readonly refused: number;
  /** Networks that were banned in place of many bans in them. */
  readonly networks: readonly string[];
};

/** How near a jail is to `maxbans`. Bans of `ipv6prefix` are those of one id. */
export function crowdOf({ bans, past }: JailState, maxbans: number, ipv6prefix: number): Crowd {
  const byLog = [...bans].filter(([, { origin }]) => origin === 'log');
  const isNetwork = (id: string): boolean => {
    const prefix = id.includes('/') && isAddress(id) ? (parseNetwork(id)?.prefix ?? 128) : 128;
    return prefix < (id.includes(':') ? ipv6prefix : 32);
  };
  return {
    count: byLog.length,
    isFull: byLog.length >= maxbans * FOR_ALL,
    refused: [...past.values()].filter(({ count }) => count === 0).length,
    networks: byLog.flatMap(([id]) => (isNetwork(id) ? [id] : [])),
  };
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

/** The networks of an address that share `maxbans`, and the part of each. Ids that are no addresses have none. */
function sharersOf(id: string): readonly { readonly key: string; readonly share: number }[] {
  // A MAC address looks like one.
  if (!isAddress(id) || parseNetwork(id) === null) return [];
  const narrow = networkKey(id, LEVELS[familyOf(id)][1].prefix);
  const [first = '', second = ''] = narrow.split(/[.:]/);
  const wide = id.includes(':') ? `${first}:${second.padStart(4, '0').slice(0, 1)}` : first;
  return [
    { key: narrow, share: SHARES.narrow },
    { key: `wide ${wide}`, share: SHARES.wide },
  ];
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
