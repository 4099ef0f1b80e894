import { contains, type Network, parseIp4, parseNetwork } from '../base/ip.ts';

/** Addresses and networks that may become others while they are looked up: the lines of a file, the addresses of a name. */
export type IgnorePart = { addresses: ReadonlySet<string>; networks: readonly Network[] };

/** Who is never banned, ready for looking up. */
export type IgnoreList = {
  /** Canonical single addresses. */
  readonly addresses: ReadonlySet<string>;
  readonly networks: readonly Network[];
  /** This machine's own addresses, canonical; empty when `ignoreself` is off. */
  readonly own: ReadonlySet<string>;
  /** What stands in the files of ignoreip. */
  readonly files: readonly IgnorePart[];
  /** The addresses that the names of ignoreip had when they were last asked for. */
  readonly names: ReadonlyMap<string, IgnorePart>;
};

/** Makes an IgnorePart: single addresses are looked up, networks are walked. */
export function newPart(networks: readonly Network[] = []): IgnorePart {
  const part = { addresses: new Set<string>(), networks: [] };
  fillPart(part, networks);
  return part;
}

/** Puts other addresses and networks into the place of those in the part. */
export function fillPart(part: IgnorePart, networks: readonly Network[]): void {
  const isHost = ({ family, prefix }: Network): boolean => prefix === (family === 4 ? 32 : 128);
  part.addresses = new Set(networks.filter(isHost).map(({ address }) => address));
  part.networks = networks.filter((network) => !isHost(network));
}

/** Makes an IgnoreSetting. A set of own addresses, files and names are kept, not copied. */
export function makeIgnoreList(
  networks: readonly Network[],
  own: Iterable<string>,
  more: Partial<Pick<IgnoreList, 'files' | 'names'>> = {},
): IgnoreList {
  const { addresses, networks: wide } = newPart(networks);
  const { files = [], names = new Map() } = more;
  return { addresses, networks: wide, own: own instanceof Set ? own : new Set(own), files, names };
}

/**
 * Why an id (canonical address or network) is never banned: the word fail2ban logs (`ignoreself rule` or `ip`),
 * or null when nothing protects it. A network is protected when it would cover a protected address.
 */
export function ignoredBy(list: IgnoreList, id: string): string | null {
  if (list.own.has(id)) return 'ignoreself rule';
  if (isIn(list, id)) return 'ip';
  for (const part of list.files) if (isIn(part, id)) return 'ip';
  for (const part of list.names.values()) if (isIn(part, id)) return 'dns';
  if (!id.includes('/')) return null;
  const target = parseNetwork(id);
  return target !== null && holds(target, list.own) ? 'ignoreself rule' : null;
}

/** Whether ignoredBy() has to be asked about an IPv4 address, a number: never false where that would answer something, and quick. */
export function mayBeIgnored(list: IgnoreList, ip: number): boolean {
  if (list.files.length > 0 || list.names.size > 0) return true;
  if (last.list !== list) last = numbersIn(list);
  const { own, addresses, ranges } = last;
  if (own.has(ip) || addresses.has(ip)) return true;
  for (let i = 0; i < ranges.length; i += 2) {
    if (ip >= (ranges[i] ?? 0) && ip <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}

/** What of a list is IPv4, in numbers. */
type Known = {
  readonly list: IgnoreList | null;
  readonly own: ReadonlySet<number>;
  readonly addresses: ReadonlySet<number>;
  readonly ranges: readonly number[];
};

const NOTHING: Known = { list: null, own: new Set(), addresses: new Set(), ranges: [] };
let known = new WeakMap<IgnoreList, Known>();
/** Of the list that was asked for last. */
let last = NOTHING;

function numbersIn(list: IgnoreList): Known {
  const there = known.get(list);
  if (there !== undefined) return there;
  const [own, addresses] = [numbersOf(list.own), numbersOf(list.addresses)];
  const made = { list, own, addresses, ranges: rangesOf(list.networks) };
  known.set(list, made);
  return made;
}

/** The IPv4 addresses of a set. */
function numbersOf(addresses: ReadonlySet<string>): ReadonlySet<number> {
  return new Set([...addresses].flatMap((address) => parseIp4(address) ?? []));
}

/** Puts other addresses into the place of those in a set that an IgnoreSetting holds. */
export function replaceAddresses(addresses: Set<string>, others: ReadonlySet<string>): void {
  for (const address of addresses) if (!others.has(address)) addresses.delete(address);
  for (const address of others) addresses.add(address);
  known = new WeakMap();
  last = NOTHING;
}

/** The first and the last address of each IPv4 network, as numbers. */
function rangesOf(networks: readonly Network[]): readonly number[] {
  return networks.flatMap(({ family, address, prefix }) => {
    const first = family === 4 ? parseIp4(address) : null;
    return first === null ? [] : [first, first + 2 ** (32 - prefix) - 1];
  });
}

/** Whether the id is in the part, or, a network, would cover any of it. */
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
