/**
 * nftables, with a table of our own (`inet f2b`) that nobody else's reload touches. Each jail has its own base chains
 * (one for each hook it needs) and one hash set for each family and prefix length: hosts, IPv6 /64, and others as they
 * come. Networks are looked up with the packet's address masked, so that no slow `flags interval` set is needed
 * and overlapping networks cannot collide.
 *
 * Hooks: INPUT is hook input, priority just before filter; FORWARD is hook forward; every other chain (DOCKER-USER,
 * PREROUTING) is hook prerouting before destination NAT, which sees the port that the attacker dialled.
 * Established connections: cut, because the chains stand before anybody's established-accept.
 * Every set holds one address that cannot be a source (255.255.255.255, ff00::): the cheap probe asks whether it can
 * be created (in check mode), and sees an emptied set without listing it.
 */
import { MachineError } from '../errors.ts';
import type { Family } from '../ip.ts';
import { familyOf, masked } from '../ip.ts';
import {
  type Command,
  command,
  type Difference,
  type Entry,
  type Firewall,
  type Held,
  type Output,
  type Rule,
} from './backend.ts';
import { assertCanonical, chainsOf, fingerprint, groupBy, matchesOf, prefixOf, timeoutOf } from './match.ts';
import { tagOf, tagsOf } from './name.ts';
import { readTable, type Table } from './nfttable.ts';

const TABLE = 'inet f2b';
const MAX_TIMEOUT = 36500 * 86400;
const ELEMENTS_A_LINE = 500;

/** A set of one jail: a family and the prefix length of all it holds. */
type Unit = { readonly family: Family; readonly prefix: number };

const UNITS: readonly Unit[] = [
  { family: 4, prefix: 32 },
  { family: 6, prefix: 128 },
  { family: 6, prefix: 64 },
];

/** The nftables backend; `setSize` is how many addresses a set may hold. */
export function nftables(setSize = 262144): Firewall {
  return {
    kind: 'nftables',
    programs: ['nft'],
    hasTimeouts: true,
    maxTimeout: MAX_TIMEOUT,
    exitProves: true,
    takesOverlaps: true,
    list: () => [command(['nft', '-j', 'list', 'table', 'inet', 'f2b'], { mayFail: true })],
    readHeld: (rules, outputs, now) => readHeld(rules, tableOf(outputs[0]), { setSize, now }),
    probe: (rules) => [
      command(['nft', '-t', 'list', 'table', 'inet', 'f2b'], { mayFail: true }),
      command(['nft', '-c', '-f', '-'], { stdin: canaryTrial(rules), mayFail: true }),
    ],
    readProbe: (rules, outputs) => readProbe(rules, outputs, setSize),
    change: (rules, difference, now) => change(rules, difference, { setSize, now }),
    cut: () => [],
    watch: () => command(['nft', 'monitor', 'ruleset']),
  };
}

function isDefault({ family, prefix }: Unit): boolean {
  return UNITS.some((unit) => unit.family === family && unit.prefix === prefix);
}

function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

function setName(jail: string, { family, prefix }: Unit): string {
  const kind = prefix === bitsOf(family) ? `addr${family}` : `net${family}-${prefix}`;
  return `${kind}-${tagOf(jail)}`;
}

function parseSetName(name: string): (Unit & { readonly tag: string }) | null {
  const found = /^(?:addr([46])|net([46])-(\d{1,3}))-(.+)$/.exec(name);
  if (found === null) return null;
  const [, host, net, prefix, tag = ''] = found;
  const family: Family = (host ?? net) === '4' ? 4 : 6;
  return { family, prefix: prefix === undefined ? bitsOf(family) : Number(prefix), tag };
}

function parseChainName(name: string): { readonly tag: string } | null {
  const found = /^(?:input|forward|prerouting)(?:4\.\d+|6\.\d+)?-(.+)$/.exec(name);
  return found === null ? null : { tag: found[1] ?? '' };
}

type Hook = { readonly name: string; readonly spec: string };

function hooksOf(rule: Rule): readonly Hook[] {
  const wants = new Set(
    chainsOf(rule).map((chain) => (chain === 'INPUT' || chain === 'FORWARD' ? chain : 'PREROUTING')),
  );
  // What prerouting refuses never reaches the others.
  if (wants.has('PREROUTING'))
    return [{ name: 'prerouting', spec: 'type filter hook prerouting priority -101' }];
  return [...wants].map((chain) => {
    const name = chain.toLowerCase();
    return { name, spec: `type filter hook ${name} priority -1` };
  });
}

function canaryOf({ family, prefix }: Unit): string | null {
  if (prefix < 8) return null;
  return masked(family === 4 ? '255.255.255.255' : 'ff00::', prefix);
}

function ruleLines(rule: Rule, unit: Unit): readonly string[] {
  const { family, prefix } = unit;
  const ip = family === 4 ? 'ip' : 'ip6';
  const ones = family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const mask = prefix === bitsOf(family) ? '' : ` & ${masked(ones, prefix)}`;
  const source = `${ip} saddr${mask} @${setName(rule.jail, unit)}`;
  const matches = matchesOf(rule, family);
  if (matches === null) {
    const other = rule.block === 'drop' ? 'drop' : 'reject';
    const reset = rule.block === 'tcp-reset' ? [`${source} meta l4proto 6 reject with tcp reset`] : [];
    return [...reset, `${source} ${other}`];
  }
  return matches.map(({ protocol, ports }) => {
    const where = ports === null ? '' : ` th dport { ${ports.map(formatRange).join(', ')} }`;
    const isReset = rule.block === 'tcp-reset' && protocol === 6;
    const verdict = rule.block === 'drop' ? 'drop' : isReset ? 'reject with tcp reset' : 'reject';
    return `meta l4proto ${protocol}${where} ${source} ${verdict}`;
  });
}

function formatRange([first, last]: readonly [number, number]): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

type Options = { readonly setSize: number; readonly now: number };

function unitLines(rule: Rule, unit: Unit, setSize: number): readonly string[] {
  const type = unit.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const name = setName(rule.jail, unit);
  const canary = canaryOf(unit);
  const set = `add set ${TABLE} ${name} { type ${type}; flags timeout; size ${setSize}; }`;
  return canary === null ? [set] : [set, `add element ${TABLE} ${name} { ${canary} }`];
}

function chainLines(rule: Rule, units: readonly Unit[], suffix: string): readonly string[] {
  const comment = commentOf(rule);
  return hooksOf(rule).flatMap((hook) => {
    const chain = `${hook.name}${suffix}-${tagOf(rule.jail)}`;
    return [
      `add chain ${TABLE} ${chain} { ${hook.spec}; policy accept; }`,
      `flush chain ${TABLE} ${chain}`,
      ...units.flatMap((unit) =>
        ruleLines(rule, unit).map((line) => `add rule ${TABLE} ${chain} ${line} comment "${comment}"`),
      ),
    ];
  });
}

function commentOf(rule: Rule): string {
  return `f2b ${fingerprint(rule, 'nft 1')}`;
}

/** Everything that an unusual prefix length needs, safe to say again at any time. */
function extraLines(rule: Rule, unit: Unit, setSize: number): readonly string[] {
  return [...unitLines(rule, unit, setSize), ...chainLines(rule, [unit], `${unit.family}.${unit.prefix}`)];
}

function removalLines(names: readonly string[]): readonly string[] {
  const chains = names.filter((name) => parseChainName(name) !== null);
  const sets = names.filter((name) => parseSetName(name) !== null);
  return [
    ...chains.flatMap((name) => [`flush chain ${TABLE} ${name}`, `delete chain ${TABLE} ${name}`]),
    ...sets.map((name) => `delete set ${TABLE} ${name}`),
  ];
}

function change(rules: readonly Rule[], wanted: Difference, options: Options): readonly Command[] {
  const { setup, add, remove, teardown, traces } = wanted;
  assertCanonical(add);
  assertCanonical(remove);
  const fresh = new Set(setup.map((rule) => rule.jail));
  const byJail = new Map(rules.map((rule) => [rule.jail, rule]));
  const gone = [...teardown, ...fresh].flatMap((jail) => [...(traces.get(jail) ?? [])]);
  const isAnew = setup.length === rules.length && setup.length + teardown.length > 0;
  const lines = [
    ...(isAnew ? [`add table ${TABLE}`, `delete table ${TABLE}`] : []),
    ...(rules.length === 0 ? [] : [`add table ${TABLE}`]),
    ...(isAnew ? [] : removalLines(gone)),
    ...setup.flatMap((rule) => [
      ...UNITS.flatMap((unit) => unitLines(rule, unit, options.setSize)),
      ...chainLines(rule, UNITS, ''),
    ]),
    ...extrasOf(add, byJail).flatMap(({ rule, unit }) => extraLines(rule, unit, options.setSize)),
    ...removeLines(remove),
    ...addLines(add, fresh, options.now),
  ];
  if (lines.length === (rules.length === 0 ? 0 : 1)) return [];
  return [command(['nft', '-f', '-'], { stdin: `${lines.join('\n')}\n` })];
}

function extrasOf(add: readonly Entry[], rules: ReadonlyMap<string, Rule>) {
  const units = new Map<string, { rule: Rule; unit: Unit }>();
  for (const { jail, address } of add) {
    const unit = { family: familyOf(address), prefix: prefixOf(address) };
    const rule = rules.get(jail);
    if (rule !== undefined && !isDefault(unit)) units.set(setName(jail, unit), { rule, unit });
  }
  return [...units.values()];
}

function setOf({ jail, address }: Entry): string {
  return setName(jail, { family: familyOf(address), prefix: prefixOf(address) });
}

function addressOf(entry: Entry): string {
  const slash = entry.address.indexOf('/');
  return slash < 0 ? entry.address : entry.address.slice(0, slash);
}

/** `add; delete` cannot fail whether or not the element is there. */
function removeLines(entries: readonly Entry[]): readonly string[] {
  return [...elementLines('add', entries, addressOf), ...elementLines('delete', entries, addressOf)];
}

function addLines(entries: readonly Entry[], fresh: ReadonlySet<string>, now: number): readonly string[] {
  const standing = entries.filter((entry) => !fresh.has(entry.jail));
  const write = (entry: Entry): string => {
    const timeout = timeoutOf(entry.until, now, MAX_TIMEOUT);
    return timeout === null ? addressOf(entry) : `${addressOf(entry)} timeout ${formatTimeout(timeout)}`;
  };
  // An element that stands already keeps its old time-out under a plain `add`.
  return [...removeLines(standing), ...elementLines('add', entries, write)];
}

function elementLines(
  verb: 'add' | 'delete',
  entries: readonly Entry[],
  write: (entry: Entry) => string,
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

function tableOf(output: Output | undefined): Table {
  if (output?.exitCode === 0) return readTable(output.stdout);
  if (/No such file or directory/.test(output?.stderr ?? '')) return { chains: [], sets: [], rules: [] };
  throw new MachineError(
    `cannot list table ${TABLE}: ${output?.stderr.trim() || (output?.trouble ?? 'no answer')}`,
  );
}

function readHeld(rules: readonly Rule[], table: Table, options: Options): Held {
  const jails = tagsOf(rules.map((rule) => rule.jail));
  const entries = new Map<string, Map<string, number | null>>();
  const traces = new Map<string, string[]>();
  const note = (tag: string, name: string): string => {
    const jail = jails.get(tag) ?? tag;
    traces.set(jail, [...(traces.get(jail) ?? []), name]);
    return jail;
  };
  for (const name of table.chains) {
    const parsed = parseChainName(name);
    if (parsed !== null) note(parsed.tag, name);
  }
  for (const set of table.sets) {
    const parsed = parseSetName(set.name);
    if (parsed === null) continue;
    const jail = note(parsed.tag, set.name);
    const standing = entries.get(jail) ?? new Map<string, number | null>();
    entries.set(jail, standing);
    const suffix = parsed.prefix === bitsOf(parsed.family) ? '' : `/${parsed.prefix}`;
    const canary = canaryOf(parsed);
    for (const { address, expires } of set.elements) {
      if (address !== canary)
        standing.set(`${address}${suffix}`, expires === null ? null : options.now + expires);
    }
  }
  const ready = new Set(
    rules.filter((rule) => isReady(rule, table, options.setSize)).map((rule) => rule.jail),
  );
  const known = new Set(jails.values());
  return { ready, entries, traces, strays: new Set([...traces.keys()].filter((jail) => !known.has(jail))) };
}

function isReady(rule: Rule, table: Table, setSize: number): boolean {
  const sets = new Map(table.sets.map((set) => [set.name, set]));
  const isWhole = UNITS.every((unit) => {
    const set = sets.get(setName(rule.jail, unit));
    return set?.size === setSize && set.elements.some((element) => element.address === canaryOf(unit));
  });
  const extras = table.sets.flatMap(({ name }) => {
    const unit = parseSetName(name);
    return unit === null || isDefault(unit) || unit.tag !== tagOf(rule.jail) ? [] : [unit];
  });
  return (
    isWhole &&
    hooksOf(rule).every(
      (hook) =>
        chainStands(rule, { hook, units: UNITS, suffix: '' }, table.rules) &&
        extras.every((unit) =>
          chainStands(rule, { hook, units: [unit], suffix: `${unit.family}.${unit.prefix}` }, table.rules),
        ),
    )
  );
}

type ChainOfRule = { readonly hook: Hook; readonly units: readonly Unit[]; readonly suffix: string };

function chainStands(rule: Rule, { hook, units, suffix }: ChainOfRule, rules: Table['rules']): boolean {
  const name = `${hook.name}${suffix}-${tagOf(rule.jail)}`;
  const standing = rules.filter((line) => line.chain === name);
  const wanted = units.flatMap((unit) => ruleLines(rule, unit)).length;
  return standing.length === wanted && standing.every((line) => line.comment === commentOf(rule));
}

/** One `create` for each canary, line by line; the kernel answers for every line that it stands already. */
function canaryTrial(rules: readonly Rule[]): string {
  const lines = rules.flatMap((rule) =>
    UNITS.map((unit) => `create element ${TABLE} ${setName(rule.jail, unit)} { ${canaryOf(unit)} }`),
  );
  return `${lines.join('\n')}\n`;
}

function readProbe(rules: readonly Rule[], outputs: readonly Output[], setSize: number): ReadonlySet<string> {
  const [listing, trial] = outputs;
  if (listing?.trouble != null || /not permitted/i.test(listing?.stderr ?? '')) tableOf(listing);
  if (listing?.exitCode !== 0) return new Set(rules.map((rule) => rule.jail));
  const standing = new Set<number>();
  for (const found of (trial?.stderr ?? '').matchAll(/^[^\s:]*:(\d+):\S+ Error: .*File exists/gm)) {
    standing.add(Number(found[1]));
  }
  const text = listing.stdout;
  const broken = rules.filter((rule, i) => {
    const first = i * UNITS.length + 1;
    const isEmptied = UNITS.some((_, k) => !standing.has(first + k));
    return isEmptied || !textStands(rule, text, setSize);
  });
  return new Set(broken.map((rule) => rule.jail));
}

/** The same question as `isReady` for the terse text form, which is the cheap one; sets are not looked into. */
function textStands(rule: Rule, text: string, setSize: number): boolean {
  const blockOf = (kind: string, name: string): string => {
    const start = text.indexOf(`\t${kind} ${name} {\n`);
    return start < 0 ? '' : text.slice(start, text.indexOf('\n\t}', start));
  };
  const mark = `comment "${commentOf(rule)}"`;
  const wanted = UNITS.flatMap((unit) => ruleLines(rule, unit)).length;
  return (
    UNITS.every((unit) => blockOf('set', setName(rule.jail, unit)).includes(`size ${setSize}\n`)) &&
    hooksOf(rule).every((hook) => {
      const block = blockOf('chain', `${hook.name}-${tagOf(rule.jail)}`);
      return block.split(mark).length - 1 === wanted && block.split('\n').length === wanted + 2;
    })
  );
}
