import { contains, type Network, parseNetwork } from './ip.ts';

/** Who is never banned, ready for looking up. */
export type IgnoreList = {
  /** Canonical single addresses. */
  readonly addresses: ReadonlySet<string>;
  readonly networks: readonly Network[];
  /** This machine's own addresses, canonical; empty when `ignoreself` is off. */
  readonly own: ReadonlySet<string>;
};

/** Makes an IgnoreList: single addresses are looked up, networks are walked. A set of own addresses is kept, not copied. */
export function makeIgnoreList(networks: readonly Network[], own: Iterable<string>): IgnoreList {
  const isHost = ({ family, prefix }: Network): boolean => prefix === (family === 4 ? 32 : 128);
  return {
    addresses: new Set(networks.filter(isHost).map(({ address }) => address)),
    networks: networks.filter((network) => !isHost(network)),
    own: own instanceof Set ? own : new Set(own),
  };
}

/**
 * Why an id (canonical address or network) is never banned: the word fail2ban logs (`ignoreself rule` or `ip`),
 * or null when nothing protects it. A network is protected when it would cover a protected address.
 */
export function ignoredBy(list: IgnoreList, id: string): string | null {
  if (list.own.has(id)) return 'ignoreself rule';
  if (list.addresses.has(id)) return 'ip';
  if (list.networks.length === 0 && !id.includes('/')) return null;
  const target = parseNetwork(id);
  if (target === null) return null;
  if (list.networks.some((network) => contains(network, target))) return 'ip';
  if (!id.includes('/')) return null;
  if ([...list.own].some((address) => contains(target, address))) return 'ignoreself rule';
  if ([...list.addresses].some((address) => contains(target, address))) return 'ip';
  return list.networks.some((network) => contains(target, network)) ? 'ip' : null;
}
