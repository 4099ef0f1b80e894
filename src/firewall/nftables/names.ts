import { type Family, masked } from '../../base/ip.ts';
import type { Rule } from '../backend.ts';
import { chainsOf } from '../match.ts';
import { jailTag } from '../names.ts';

/** Our table, family first. */
export const TABLE = 'inet f2b';

/** A set of one jail: a family and the prefix length of all it holds. */
export type Unit = { readonly family: Family; readonly prefix: number };

/** The sets that every jail has; others are made when a network of their prefix length is banned. */
export const UNITS: readonly Unit[] = [
  { family: 4, prefix: 32 },
  { family: 6, prefix: 128 },
  { family: 6, prefix: 64 },
];

/** Whether every jail has such a set. */
export function isDefault({ family, prefix }: Unit): boolean {
  return UNITS.some((unit) => unit.family === family && unit.prefix === prefix);
}

/** Bits of an address. */
export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** `addr4-JAIL`, `addr6-JAIL` for hosts, `net6-64-JAIL` for networks. */
export function unitSetName(jail: string, { family, prefix }: Unit): string {
  const kind = prefix === bitsOf(family) ? `addr${family}` : `net${family}-${prefix}`;
  return `${kind}-${jailTag(jail)}`;
}

/** What unitSetName wrote; null for a foreign name. */
export function parseUnitSet(name: string): (Unit & { readonly tag: string }) | null {
  const found = /^(?:addr([46])|net([46])-(\d{1,3}))-(.+)$/.exec(name);
  if (found === null) return null;
  const [, host, net, prefix, tag = ''] = found;
  const family: Family = (host ?? net) === '4' ? 4 : 6;
  return { family, prefix: prefix === undefined ? bitsOf(family) : Number(prefix), tag };
}

/** A chain of a jail: its hook, and the unit when it serves only one that is not default. */
export function chainName(jail: string, hook: Hook, unit: Unit | null): string {
  return `${hook.name}${unit === null ? '' : `${unit.family}.${unit.prefix}`}-${jailTag(jail)}`;
}

/** The jail's tag in a name of chainName; null for a foreign name. */
export function parseChainName(name: string): string | null {
  return /^(?:input|forward|prerouting)(?:[46]\.\d+)?-(.+)$/.exec(name)?.[1] ?? null;
}

/** A hook of the kernel, by its name in nft, and the priority of our chains there. */
type Hook = { readonly name: string; readonly priority: number };

/** The hooks that do what the rule's iptables chains are for. */
export function hooksOf(rule: Rule): readonly Hook[] {
  const chains = chainsOf(rule);
  const isBefore = chains.some((chain) => chain !== 'INPUT' && chain !== 'FORWARD');
  // What prerouting refuses never reaches the others.
  if (isBefore) return [{ name: 'prerouting', priority: -101 }];
  return chains.map((chain) => ({ name: chain.toLowerCase(), priority: -1 }));
}

/** An element that can be no packet's source, by which an emptied set is seen; null where there is none. */
export function canaryOf({ family, prefix }: Unit): string | null {
  if (prefix < 8) return null;
  return masked(family === 4 ? '255.255.255.255' : 'ff00::', prefix);
}
