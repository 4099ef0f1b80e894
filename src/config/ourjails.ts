import type { RawOptions, Sections } from './sections.ts';
import { type ConfigTree, isBeneath } from './tree.ts';

/** What an admin may set for all jails: who is banned, after how much, and for how long. */
const COMMON =
  /^(?:bantime(?:\..+)?|findtime|maxretry|maxmatches|ignore.+|protectssh|ipv6prefix|rollup|usedns|banaction.*)$/;

/** Counts bans of the other jails, so that their findtime and bantime would make it useless. */
const COUNTS_BANS = 'recidive';

/** Lets go of what an embedded jail sets where [DEFAULT] of the admin's files sets it: the admin's default wins. */
export function belowDefaults(tree: ConfigTree, all: Sections): Sections {
  const ours = new Set(all.files.filter(isBeneath).map(tree.show));
  const common = [...all.defaults].filter(([key, { place }]) => COMMON.test(key) && !ours.has(place.file));
  if (ours.size === 0 || common.length === 0) return all;
  const keys = new Set(common.map(([key]) => key));
  const sections = [...all.sections].map(([name, options]): [string, RawOptions] => [
    name,
    name === COUNTS_BANS
      ? options
      : new Map([...options].filter(([key, { place }]) => !keys.has(key) || !ours.has(place.file))),
  ]);
  return { ...all, sections: new Map(sections) };
}
