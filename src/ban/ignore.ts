import { contains, type Network, parseIp4, parseNetwork } from '../base/ip.ts';

/** Addresses and networks that may change: the lines of a file, the addresses of a name. */
export type IgnorePart = {
  /** Canonical single addresses. */
  addresses: ReadonlySet<string>;
  networks: readonly Network[];
  /** Its IPv4 part in numbers; null = not computed yet. */
  ip4: Ip4Part | null;
};

/** IPv4 addresses; and the first and last address of each network, alternating. */
type Ip4Part = { readonly addresses: ReadonlySet<number>; readonly ranges: readonly number[] };

/** Ids that are never banned, prepared for look-ups. */
export type IgnoreList = {
  /** The addresses and networks of ignoreip. */
  readonly listed: IgnorePart;
  /** This machine's own addresses; empty when `ignoreself` is off. */
  readonly own: IgnorePart;
  /** The contents of the files of ignoreip. */
  readonly files: readonly IgnorePart[];
  /** The last known addresses of the names in ignoreip. */
  readonly names: ReadonlyMap<string, IgnorePart>;
};

/** Makes an IgnorePart. Single addresses are looked up, networks are tried one by one. */
export function newPart(networks: readonly Network[] = []): IgnorePart {
  const part: IgnorePart = { addresses: new Set(), networks: [], ip4: null };
  fillPart(part, networks);
  return part;
}

/** Replaces the addresses and networks of the part. */
export function fillPart(part: IgnorePart, networks: readonly Network[]): void {
  const isHost = ({ family, prefix }: Network): boolean => prefix === (family === 4 ? 32 : 128);
  part.addresses = new Set(networks.filter(isHost).map(({ address }) => address));
  part.networks = networks.filter((network) => !isHost(network));
  part.ip4 = null;
}

/** Makes an IgnoreList from its parts, without copying them. */
export function makeIgnoreList(
  networks: readonly Network[],
  own: IgnorePart = newPart(),
  more: Partial<Pick<IgnoreList, 'files' | 'names'>> = {},
): IgnoreList {
  const { files = [], names = new Map() } = more;
  return { listed: newPart(networks), own, files, names };
}

/**
 * Why an id (canonical address or network) is never banned: fail2ban's name of the rule (`ignoreself rule` or
 * `ip`); null if it may be banned. A network is protected if it contains a protected address.
 */
export function ignoredBy(list: IgnoreList, id: string): string | null {
  if (list.own.addresses.has(id)) return 'ignoreself rule';
  if (isIn(list.listed, id)) return 'ip';
  for (const part of list.files) if (isIn(part, id)) return 'ip';
  for (const part of list.names.values()) if (isIn(part, id)) return 'dns';
  if (!id.includes('/')) return null;
  const target = parseNetwork(id);
  return target !== null && holds(target, list.own.addresses) ? 'ignoreself rule' : null;
}

/**
 * Whether ignoredBy() has to be called for an IPv4 address, a number. Quick; may be true needlessly, but is
 * false only if ignoredBy() would return null.
 */
export function mayBeIgnored({ files, names, own, listed }: IgnoreList, ip: number): boolean {
  return files.length > 0 || names.size > 0 || holdsIp4(own, ip) || holdsIp4(listed, ip);
}

function holdsIp4(part: IgnorePart, ip: number): boolean {
  part.ip4 ??= ip4Of(part);
  const { addresses, ranges } = part.ip4;
  if (addresses.has(ip)) return true;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ip >= (ranges[i] ?? 0) && ip <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}

function ip4Of({ addresses, networks }: IgnorePart): Ip4Part {
  const ranges = networks.flatMap(({ family, address, prefix }) => {
    const first = family === 4 ? parseIp4(address) : null;
    return first === null ? [] : [first, first + 2 ** (32 - prefix) - 1];
  });
  return { addresses: new Set([...addresses].flatMap((address) => parseIp4(address) ?? [])), ranges };
}

/** Whether the part contains the id or, for a network, any address in it. */
function isIn(part: IgnorePart, id: string): boolean {
  if (part.addresses.has(id)) return true;
  const isNetwork = id.includes('/');
  if (part.networks.length === 0 && !isNetwork) return false;
  const target = parseNetwork(id);
  if (target === null) return false;
  if (part.networks.some((network) => contains(network, target))) return true;
  if (!isNetwork) return false;
  return holds(target, part.addresses) || part.networks.some((network) => contains(target, network));
}

function holds(target: Network, addresses: ReadonlySet<string>): boolean {
  return [...addresses].some((address) => contains(target, address));
}
