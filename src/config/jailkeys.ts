import { nearest } from '../base/suggest.ts';
import { FILTER_KEYS } from './readfilter.ts';
import type { Option, Sections } from './sections.ts';

/** The options of a jail that are read whether or not a file sets them; filter options and actions apart. */
export const JAIL_KEYS: readonly string[] = [
  'enabled',
  'backend',
  'maxretry',
  'maxmatches',
  'findtime',
  'bantime',
  'bantime.increment',
  'bantime.factor',
  'bantime.formula',
  'bantime.multipliers',
  'bantime.maxtime',
  'bantime.rndtime',
  'bantime.overalljails',
  'ignorecommand',
  'ignoreself',
  'ignoreip',
  'ignorecache',
  'filter',
  'logtimezone',
  'logencoding',
  'logpath',
  'action',
];

/** f2b's own options, which fail2ban does not have. */
export const OWN_KEYS: readonly string[] = ['ipv6prefix', 'protectssh', 'rollup'];

/** Options that only serve others as `%(x)s`; known so that nobody is warned of them. */
const VARIABLES: readonly string[] = [
  'mode',
  'port',
  'protocol',
  'chain',
  'banaction',
  'banaction_allports',
  'action_',
  'action_mw',
  'action_mwl',
  'action_xarf',
  'action_abuseipdb',
  'destemail',
  'sender',
  'sendername',
  'mta',
  'fail2ban_agent',
  'skip_if_nologs',
  'systemd_if_nologs',
  'blocktype',
  'returntype',
];

/** Every option that means something in a jail. */
export const KNOWN_KEYS: readonly string[] = [...JAIL_KEYS, ...FILTER_KEYS, ...OWN_KEYS, ...VARIABLES];

/** Names that some `%(x)s` of the files refers to, with or without a section before them. */
export function referencedNames(sections: Sections): Set<string> {
  const names = new Set<string>();
  for (const options of [sections.defaults, ...sections.sections.values()]) {
    for (const option of options.values()) {
      for (const [, name = ''] of option.text.text.matchAll(/%\(([^)]+)\)s/g)) {
        names.add(name.toLowerCase());
        names.add(name.toLowerCase().replace(/^[\w-]+\//, ''));
      }
    }
  }
  return names;
}

/** A jail's own options that nothing reads, each with the name that may have been meant, or null. */
export function uselessOptions(
  sections: Sections,
  jail: string,
  referenced: ReadonlySet<string>,
): { readonly option: Option; readonly meant: string | null }[] {
  const own = [...(sections.sections.get(jail)?.values() ?? [])];
  const useless = own.filter(({ key }) => !KNOWN_KEYS.includes(key) && !referenced.has(key));
  return useless.map((option) => ({ option, meant: nearest(option.key, KNOWN_KEYS) }));
}
