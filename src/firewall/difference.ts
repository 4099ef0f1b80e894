import { familyOf } from '../base/ip.ts';
import {
  type BanEntry,
  type Difference,
  FAMILIES,
  type Firewall,
  type Held,
  NO_DIFFERENCE,
  type Rule,
} from './backend.ts';
import { groupBy, jailsOf, whyAbsent } from './match.ts';

/** Seconds by which a kernel's time-out may differ from the wanted end before it is set again. */
const TOLERANCE = 10;

/**
 * What has to change so that the firewall holds exactly `wanted` (unexpired entries, canonical, none twice) under
 * exactly `rules`. Entries of jails without a rule are left out.
 */
export function difference(
  firewall: Firewall,
  rules: readonly Rule[],
  wanted: readonly BanEntry[],
  state: { readonly held: Held; readonly now: number },
): Difference {
  const { held, now } = state;
  const setup = rules.filter((rule) => !held.ready.has(rule.jail));
  const fresh = jailsOf(setup);
  const byJail = groupBy(wanted, (entry) => entry.jail);
  const add: BanEntry[] = [];
  const remove: BanEntry[] = [];
  for (const rule of rules) {
    const { jail } = rule;
    const absent = FAMILIES.filter((family) => whyAbsent(rule, family, held.absent) !== null);
    const own = byJail.get(jail) ?? [];
    const target = absent.length === 0 ? own : own.filter((one) => !absent.includes(familyOf(one.address)));
    const standing = fresh.has(jail)
      ? new Map<string, number | null>()
      : (held.entries.get(jail) ?? new Map());
    const names = new Set(target.map((entry) => entry.address));
    // One at a time: a call takes some 100,000 arguments at the most.
    for (const entry of target) if (isOff(firewall, entry, standing.get(entry.address), now)) add.push(entry);
    for (const [address, until] of standing) if (!names.has(address)) remove.push({ jail, address, until });
  }
  const teardown = [...held.strays];
  const touched = new Set([...fresh, ...teardown]);
  const traces = new Map([...held.traces].filter(([jail]) => touched.has(jail)));
  return { ...NO_DIFFERENCE, setup, add, remove, teardown, traces, absent: held.absent };
}

/** Whether the difference is none. */
export function isNothing(change: Difference): boolean {
  return [change.setup, change.add, change.remove, change.teardown].every((part) => part.length === 0);
}

/** `standing`: undefined = not there, null = there for ever, else the kernel's own end. */
function isOff(
  firewall: Firewall,
  entry: BanEntry,
  standing: number | null | undefined,
  now: number,
): boolean {
  if (standing === undefined) return true;
  if (!firewall.hasTimeouts) return false;
  if (entry.until === null || standing === null) return entry.until !== standing;
  const isClamped = entry.until - now > firewall.maxTimeout;
  if (isClamped) return standing - now < firewall.maxTimeout / 2;
  return Math.abs(entry.until - standing) > TOLERANCE;
}
