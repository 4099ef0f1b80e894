import type { Difference, Firewall, Rule } from './backend.ts';
import { jailsOf } from './match.ts';

/**
 * The firewall as it would be if every command worked, in memory: what stands is what was changed through it. For
 * `--dry-run`, where commands are printed and nothing can be asked.
 */
export function simulated(firewall: Firewall): Firewall {
  const ready = new Set<string>();
  const entries = new Map<string, Map<string, number | null>>();
  const remember = ({ setup, teardown, add, remove }: Difference): void => {
    for (const jail of teardown) {
      ready.delete(jail);
      entries.delete(jail);
    }
    for (const { jail } of setup) {
      ready.add(jail);
      entries.set(jail, new Map());
    }
    for (const { jail, address } of remove) entries.get(jail)?.delete(address);
    for (const { jail, address, until } of add) entries.get(jail)?.set(address, until);
  };
  return {
    ...firewall,
    hasPackets: false,
    list: () => [],
    readHeld: (rules: readonly Rule[]) => {
      const wanted = jailsOf(rules);
      const strays = new Set([...ready].filter((jail) => !wanted.has(jail)));
      return { ready: new Set(ready), entries, strays, traces: new Map(), absent: new Map() };
    },
    probe: () => [],
    readProbe: () => ({ damaged: new Set(), absent: new Map() }),
    change(rules, difference, now) {
      const commands = firewall.change(rules, difference, now);
      remember(difference);
      return commands;
    },
    watch: () => null,
  };
}
