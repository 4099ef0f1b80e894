import type { Absent, Held, Rule } from './backend.ts';
import { jailsOf } from './match.ts';
import { jailTags } from './names.ts';

/** What a backend finds of ours in a firewall, collected by jail. A tag that belongs to no rule's jail stands for itself. */
export function collectHeld(rules: readonly Rule[]) {
  const jails = jailTags(jailsOf(rules));
  const entries = new Map<string, Map<string, number | null>>();
  const traces = new Map<string, string[]>();
  const listOf = <T>(map: Map<string, T>, tag: string, empty: () => T): T => {
    const jail = jails.get(tag) ?? tag;
    const list = map.get(jail) ?? empty();
    map.set(jail, list);
    return list;
  };
  return {
    /** Something of ours stands, in the backend's own words. */
    addTrace: (tag: string, trace: string): void => void listOf(traces, tag, () => []).push(trace),
    /** The entries that stand, to be added to. */
    entriesOf: (tag: string) => listOf(entries, tag, () => new Map<string, number | null>()),
    /** The whole; what has traces is a stray unless it is a rule's jail or among `shared`. */
    held(ready: readonly Rule[], more: { shared?: readonly string[]; absent?: Absent } = {}): Held {
      const { shared = [], absent = new Map() } = more;
      const known = new Set([...jails.values(), ...shared]);
      const strays = new Set([...traces.keys()].filter((jail) => !known.has(jail)));
      return { ready: jailsOf(ready), entries, traces, strays, absent };
    },
  };
}
