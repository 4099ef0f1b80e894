import { sha256 } from '../base/digest.ts';
import type { Family } from '../base/ip.ts';
import { canonicalNetwork, familyOf } from '../base/ip.ts';
import type { PortRange } from '../base/ports.ts';
import type { BlockKind } from '../config/jail.ts';
import { type Absent, type BanEntry, placeOf, type Rule } from './backend.ts';

/** Packets that a rule blocks, and how. */
type PacketMatch = {
  /** null = of every protocol. */
  readonly protocol: number | null;
  /** null = on every port. */
  readonly ports: readonly PortRange[] | null;
  /** `tcp-reset` only where the protocol is TCP. */
  readonly block: BlockKind;
};

/** IANA protocol numbers of the names that rules may use; another protocol is written as its number. */
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['icmpv6', 58],
  ['ipv6-icmp', 58],
  ['sctp', 132],
  ['udplite', 136],
]);

const TCP = 6;
const WITH_PORTS: readonly number[] = [TCP, 17, 33, 132];

/**
 * What the rule blocks for one family. `icmp` means ICMPv6 for IPv6; what is not TCP is rejected in place of being reset.
 * Ports come sorted, without overlaps. Throws on a protocol, port or chain that cannot stand in a command.
 */
export function matchesOf(rule: Rule, family: Family): readonly PacketMatch[] {
  assertChains(rule);
  const ports = rule.ports === null ? null : mergePorts(rule.ports);
  return protocolsOf(rule, family).map((protocol) => {
    const hasPorts = protocol !== null && (WITH_PORTS.includes(protocol) || protocol === 136);
    const block = rule.block === 'tcp-reset' && protocol !== TCP ? 'reject' : rule.block;
    return { protocol, ports: hasPorts ? ports : null, block };
  });
}

function protocolsOf({ protocols, ports, block }: Rule, family: Family): readonly (number | null)[] {
  const isAll = protocols.length === 0 || protocols.includes('all');
  if (!isAll) return [...new Set(protocols.map((name) => protocolNumber(name, family)))];
  if (ports !== null) return WITH_PORTS;
  return block === 'tcp-reset' ? [TCP, null] : [null];
}

function protocolNumber(name: string, family: Family): number {
  const number = PROTOCOLS.get(name) ?? (/^\d{1,3}$/.test(name) ? Number(name) : 256);
  if (number > 255) throw new Error(`not a protocol: ${JSON.stringify(name)}`);
  return number === 1 && family === 6 ? 58 : number;
}

function assertChains(rule: Rule): void {
  const bad = rule.chains.find((chain) => !/^[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,27}$/.test(chain));
  if (bad !== undefined) throw new Error(`not a chain's name: ${JSON.stringify(bad)}`);
}

/** The ports in order, overlapping and touching ranges joined. Throws on what is no port. */
export function mergePorts(ports: readonly PortRange[]): readonly PortRange[] {
  const merged: [number, number][] = [];
  for (const [first, last] of ports.toSorted((a, b) => a[0] - b[0])) {
    const isPort =
      Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last && last < 65536;
    if (!isPort) throw new Error(`not a port range: ${first}-${last}`);
    const open = merged.at(-1);
    if (open !== undefined && first <= open[1] + 1) open[1] = Math.max(open[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** `80` or `80-90`; `between` separates the ends of a range. */
export function formatRange([first, last]: PortRange, between = '-'): string {
  return first === last ? `${first}` : `${first}${between}${last}`;
}

/** Chains of the rule, INPUT when it names none, each once. */
export function chainsOf(rule: Rule): readonly string[] {
  return rule.chains.length === 0 ? ['INPUT'] : [...new Set(rule.chains)];
}

/** Chains of the rule that the firewall has for a family. */
export function presentChains(rule: Rule, family: Family, absent: Absent): readonly string[] {
  return chainsOf(rule).filter((chain) => !absent.has(placeOf(family, chain)));
}

/** Why a rule cannot stand for a family; null when it can in some chain at least. */
export function whyAbsent(rule: Rule, family: Family, absent: Absent): string | null {
  const reasons = chainsOf(rule).map((chain) => absent.get(placeOf(family, chain)) ?? null);
  return reasons.includes(null) ? null : (reasons[0] ?? null);
}

/** A short fingerprint of everything a rule says and `extra`, kept in comments to see that a rule is still the wanted one. */
export function fingerprint(rule: Rule, extra: string): string {
  const { ports, protocols, chains, block } = rule;
  const text = JSON.stringify([ports === null ? null : mergePorts(ports), protocols, chains, block, extra]);
  return sha256(text).slice(0, 8);
}

/** Whether a value may stand in a command: a canonical address or network, not the whole of a family. */
export function isCanonical(address: string): boolean {
  return canonicalNetwork(address) === address && prefixOf(address) > 0;
}

/** The canonical spelling of an address or network as a program printed it; other text stays as it is. */
export function canonicalOf(text: string): string {
  // Only the mixed form (::1.2.3.4) and full prefixes (/32) are ever printed otherwise than we do.
  if (!text.includes('/') && !(text.includes(':') && text.includes('.'))) return text;
  return canonicalNetwork(text) ?? text;
}

/** Throws unless every entry's address is canonical; the last line of defence before a command is written. */
export function assertCanonical(entries: readonly BanEntry[]): void {
  const bad = entries.find((entry) => !isCanonical(entry.address));
  if (bad !== undefined) throw new Error(`not a canonical address: ${JSON.stringify(bad.address)}`);
}

/** Prefix length of a canonical entry. */
export function prefixOf(address: string): number {
  const slash = address.indexOf('/');
  if (slash >= 0) return Number(address.slice(slash + 1));
  return familyOf(address) === 4 ? 32 : 128;
}

/** Whole seconds until `until`, at least 1 and at most `max`; null for ever. */
export function timeoutOf(until: number | null, now: number, max: number): number | null {
  return until === null ? null : Math.min(max, Math.max(1, Math.ceil(until - now)));
}

/** Items by key, each group in the order of arrival. */
export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf);
}

/** The jails of the rules. */
export function jailsOf(rules: readonly Rule[]): ReadonlySet<string> {
  return new Set(rules.map((rule) => rule.jail));
}
