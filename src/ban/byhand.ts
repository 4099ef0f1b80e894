/** What a ban or an unban by hand means. Pure: values in, values out. */
import { canonicalNetwork, contains, parseNetwork } from '../base/ip.ts';
import type { Jail } from '../config/jail.ts';
import { countedId } from './failure.ts';
import { type IgnoreList, ignoredBy } from './ignore.ts';
import { lockoutReason, type ProtectedAddresses } from './lockout.ts';

/** A jail and what it never bans. */
export type Guarded = { readonly jail: Pick<Jail, 'name'>; readonly ignored: IgnoreList };

/** Why an id must not be banned by hand; null: it may be. `isWide`: wide networks may be. */
export function refusalOf(
  { jail, ignored }: Guarded,
  protection: ProtectedAddresses,
  id: string,
  isWide: boolean,
): { readonly why: string; readonly hint: string | null } | null {
  const lockout = lockoutReason(protection, id, isWide);
  if (lockout !== null) {
    const isAllowedWide = /wider/.test(lockout) && lockoutReason(protection, id, true) === null;
    return { why: lockout, hint: isAllowedWide ? 'say --wide if it is meant' : null };
  }
  const because = ignoredBy(ignored, id);
  if (because === null) return null;
  const isListed = because === 'ip' || because === 'dns';
  const why = isListed
    ? `ignoreip of the jail "${jail.name}" protects it`
    : 'it is an address of this machine';
  return { why, hint: null };
}

/**
 * The bans of a jail that an unban of `ids` lifts, and their ids where there is no ban. An IPv6 address includes the ban of its
 * prefix, a network the bans inside it; null = all.
 */
export function bansNamed(
  bans: ReadonlyMap<string, unknown>,
  ids: readonly string[] | null,
  prefix: number,
): ReadonlySet<string> {
  const named = (ids ?? [...bans.keys()]).map((id) => canonicalNetwork(id) ?? id);
  return new Set(named.flatMap((id) => [bans.has(id) ? id : countedId(id, prefix), ...bansInside(id, bans)]));
}

function bansInside(id: string, bans: ReadonlyMap<string, unknown>): readonly string[] {
  const network = id.includes('/') ? parseNetwork(id) : null;
  if (network === null) return [];
  return [...bans.keys()].filter((other) => contains(network, other));
}
