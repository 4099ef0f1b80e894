import { familyOf, masked } from '../../base/ip.ts';
import type { BanEntry, Rule } from '../backend.ts';
import { fingerprint, formatRange, groupBy, matchesOf, prefixOf, timeoutOf } from '../match.ts';
import {
  bitsOf,
  canaryOf,
  chainName,
  hooksOf,
  parseChainName,
  parseUnitSet,
  TABLE,
  UNITS,
  type Unit,
  unitSetName,
} from './names.ts';

/** Longest time-out of an element, in seconds. */
export const LONGEST_TIMEOUT = 36500 * 86400;
const ELEMENTS_A_LINE = 500;

/** The rules that block what is in one set of the jail, without table, chain and comment. */
export function ruleLines(rule: Rule, unit: Unit): readonly string[] {
  const { family, prefix } = unit;
  const ip = family === 4 ? 'ip' : 'ip6';
  const ones = family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const mask = prefix === bitsOf(family) ? '' : ` & ${masked(ones, prefix)}`;
  const source = `${ip} saddr${mask} @${unitSetName(rule.jail, unit)}`;
  // Behind the translation of addresses the port that was dialled counts as well.
  const isBehind = hooksOf(rule).every(({ name }) => name !== 'prerouting');
  return matchesOf(rule, family).flatMap(({ protocol, ports, block }) => {
    const what = protocol === null ? '' : `meta l4proto ${protocol} `;
    const verdict = `${source} ${block === 'tcp-reset' ? 'reject with tcp reset' : block}`;
    if (ports === null) return [`${what}${verdict}`];
    const list = `{ ${ports.map((range) => formatRange(range)).join(', ')} }`;
    const dialled = `${what}ct direction original ct original proto-dst ${list} ${verdict}`;
    return [`${what}th dport ${list} ${verdict}`, ...(isBehind ? [dialled] : [])];
  });
}

/** Makes one set. */
export function unitLines(rule: Rule, unit: Unit, setSize: number): readonly string[] {
  const type = unit.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const name = unitSetName(rule.jail, unit);
  const canary = canaryOf(unit);
  const set = `add set ${TABLE} ${name} { type ${type}; flags timeout; size ${setSize}; }`;
  return canary === null ? [set] : [set, `add element ${TABLE} ${name} { ${canary} }`];
}

/** Makes the jail's chains and their rules; `extra` = those of one set that is not default. */
export function chainLines(rule: Rule, extra: Unit | null): readonly string[] {
  const rules = (extra === null ? UNITS : [extra]).flatMap((unit) => ruleLines(rule, unit));
  return hooksOf(rule).flatMap((hook) => {
    const chain = `${TABLE} ${chainName(rule.jail, hook, extra)}`;
    return [
      `add chain ${chain} { type filter hook ${hook.name} priority ${hook.priority}; policy accept; }`,
      `flush chain ${chain}`,
      ...rules.map((line) => `add rule ${chain} ${line} comment "${ruleComment(rule)}"`),
    ];
  });
}

/** The comment of every rule of a jail, from which the probe sees whether they are the wanted ones. */
export function ruleComment(rule: Rule): string {
  return `f2b ${fingerprint(rule, 'nft 2')}`;
}

/** Everything that an unusual prefix length needs, safe to say again at any time. */
export function extraLines(rule: Rule, unit: Unit, setSize: number): readonly string[] {
  return [...unitLines(rule, unit, setSize), ...chainLines(rule, unit)];
}

/** Removes chains and sets of ours that stand. */
export function removalLines(names: readonly string[]): readonly string[] {
  const chains = names.filter((name) => parseChainName(name) !== null);
  const sets = names.filter((name) => parseUnitSet(name) !== null);
  return [
    ...chains.flatMap((name) => [`flush chain ${TABLE} ${name}`, `delete chain ${TABLE} ${name}`]),
    ...sets.map((name) => `delete set ${TABLE} ${name}`),
  ];
}

function setOf({ jail, address }: BanEntry): string {
  return unitSetName(jail, { family: familyOf(address), prefix: prefixOf(address) });
}

function startOf(entry: BanEntry): string {
  const slash = entry.address.indexOf('/');
  return slash < 0 ? entry.address : entry.address.slice(0, slash);
}

/** `add; delete` cannot fail whether or not the element is there. */
export function removeLines(entries: readonly BanEntry[]): readonly string[] {
  return [...elementLines('add', entries, startOf), ...elementLines('delete', entries, startOf)];
}

/** Puts entries in, or gives them a new time-out; those of `fresh` jails cannot be there yet. */
export function addLines(
  entries: readonly BanEntry[],
  fresh: ReadonlySet<string>,
  now: number,
): readonly string[] {
  const standing = entries.filter((entry) => !fresh.has(entry.jail));
  const write = (entry: BanEntry): string => {
    const timeout = timeoutOf(entry.until, now, LONGEST_TIMEOUT);
    return timeout === null ? startOf(entry) : `${startOf(entry)} timeout ${formatTimeout(timeout)}`;
  };
  // An element that stands already keeps its old time-out under a plain `add`.
  return [...removeLines(standing), ...elementLines('add', entries, write)];
}

function elementLines(
  verb: 'add' | 'delete',
  entries: readonly BanEntry[],
  write: (entry: BanEntry) => string,
): readonly string[] {
  const lines: string[] = [];
  for (const [set, group] of groupBy(entries, setOf)) {
    for (let i = 0; i < group.length; i += ELEMENTS_A_LINE) {
      const words = group.slice(i, i + ELEMENTS_A_LINE).map(write);
      lines.push(`${verb} element ${TABLE} ${set} { ${words.join(', ')} }`);
    }
  }
  return lines;
}

/** Large numbers of seconds are refused, so days and hours are split off. */
function formatTimeout(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor((seconds % 86400) / 3600), 'h'],
    [seconds % 3600, 's'],
  ];
  return parts.flatMap(([count, unit]) => (count > 0 ? [`${count}${unit}`] : [])).join('');
}
