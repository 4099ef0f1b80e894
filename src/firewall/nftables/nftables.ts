/**
 * nftables, with a table of our own (`inet f2b`) that nobody else's reload touches. Each jail has its own base chains
 * (one for each hook it needs) and one hash set for each family and prefix length: hosts, IPv6 /64, and others as they
 * come. Networks are looked up with the packet's address masked, so that no slow `flags interval` set is needed
 * and overlapping networks cannot collide.
 *
 * Hooks: INPUT is hook input, priority just before filter; FORWARD is hook forward; every other chain (DOCKER-USER,
 * PREROUTING) is hook prerouting before destination NAT. Everywhere the port that the attacker dialled counts, as well as the one
 * that it was translated to.
 * Established connections: cut, because the chains stand before anybody's established-accept.
 * Every set holds one address that cannot be a source (255.255.255.255, ff00::): the cheap probe asks whether it can
 * be created (in check mode), and sees an emptied set without listing it.
 */
import { MachineError } from '../../base/errors.ts';
import { familyOf } from '../../base/ip.ts';
import { type Command, command, failureOf, type Output } from '../../base/process.ts';
import { SET_SIZE } from '../../config/values.ts';
import type { BanEntry, Difference, Firewall, Held, Probe, Rule } from '../backend.ts';
import { collectHeld } from '../held.ts';
import { assertCanonical, canonicalOf, jailsOf, prefixOf } from '../match.ts';
import { jailTag } from '../names.ts';
import {
  bitsOf,
  canaryOf,
  chainName,
  hooksOf,
  isDefault,
  parseChainName,
  parseUnitSet,
  TABLE,
  UNITS,
  type Unit,
  unitSetName,
} from './names.ts';
import {
  addLines,
  chainLines,
  extraLines,
  LONGEST_TIMEOUT,
  removalLines,
  removeLines,
  ruleComment,
  ruleLines,
  unitLines,
} from './script.ts';
import { readTable, type Table } from './table.ts';

/** The nftables backend; `setSize` is how many addresses a set may hold. */
export function nftables(setSize = SET_SIZE): Firewall {
  return {
    kind: 'nftables',
    programs: ['nft'],
    hasTimeouts: true,
    maxTimeout: LONGEST_TIMEOUT,
    exitProves: true,
    list: () => [command(['nft', '-j', 'list', 'table', 'inet', 'f2b'], { mayFail: true })],
    readHeld: (rules, outputs, now) => readHeld(rules, outputs[0], { setSize, now }),
    probe: (rules) => [
      // Unlike `list table` and `list chain`, this does not load the elements of all sets.
      command(['nft', '-t', '-j', 'list', 'ruleset', 'inet'], { mayFail: true }),
      command(['nft', '-c', '-f', '-'], { stdin: canaryTrial(rules), mayFail: true }),
    ],
    readProbe: (rules, outputs) => readProbe(rules, outputs, setSize),
    change: (rules, difference, now) => change(rules, difference, { setSize, now }),
    hasPackets: true,
    watch: () => ({ command: command(['nft', 'monitor']), concerns: /\binet f2b\b/, isWhole: true }),
  };
}

type TableOptions = { readonly setSize: number; readonly now: number };

function change(rules: readonly Rule[], wanted: Difference, options: TableOptions): readonly Command[] {
  const { setup, add, remove, teardown, traces } = wanted;
  assertCanonical(add);
  assertCanonical(remove);
  const fresh = jailsOf(setup);
  const byJail = new Map(rules.map((rule) => [rule.jail, rule]));
  const gone = [...teardown, ...fresh].flatMap((jail) => [...(traces.get(jail) ?? [])]);
  const isAnew = setup.length === rules.length && setup.length + teardown.length > 0;
  const lines = [
    ...(isAnew ? [`add table ${TABLE}`, `delete table ${TABLE}`] : []),
    ...(rules.length === 0 ? [] : [`add table ${TABLE}`]),
    ...(isAnew ? [] : removalLines(gone)),
    ...setup.flatMap((rule) => [
      ...UNITS.flatMap((unit) => unitLines(rule, unit, options.setSize)),
      ...chainLines(rule, null),
    ]),
    ...extrasOf(add, byJail).flatMap(({ rule, unit }) => extraLines(rule, unit, options.setSize)),
    ...removeLines(remove),
    ...addLines(add, fresh, options.now),
  ];
  if (lines.length === (rules.length === 0 ? 0 : 1)) return [];
  return [command(['nft', '-f', '-'], { stdin: `${lines.join('\n')}\n` })];
}

function extrasOf(add: readonly BanEntry[], rules: ReadonlyMap<string, Rule>) {
  const units = new Map<string, { rule: Rule; unit: Unit }>();
  for (const { jail, address } of add) {
    const unit = { family: familyOf(address), prefix: prefixOf(address) };
    const rule = rules.get(jail);
    if (rule !== undefined && !isDefault(unit)) units.set(unitSetName(jail, unit), { rule, unit });
  }
  return [...units.values()];
}

function tableOf(output: Output | undefined): Table {
  if (output?.exitCode === 0) return readTable(output.stdout, 'f2b');
  if (output === undefined) throw new MachineError('nft: no answer');
  if (output.exitCode !== null && /No such file or directory/.test(output.stderr))
    return readTable('', 'f2b');
  throw new MachineError(failureOf(command(['nft']), output) ?? 'nft: no answer');
}

function readHeld(rules: readonly Rule[], output: Output | undefined, options: TableOptions): Held {
  const found = collectHeld(rules);
  const table = tableOf(output);
  const isBare = table.chains.length + table.sets.length === 0;
  // Also a table in which nothing is left is to go.
  if (rules.length === 0 && isBare && output?.exitCode === 0 && output.stdout !== '')
    found.addTrace(TABLE, TABLE);
  for (const { name } of table.chains) {
    const tag = parseChainName(name);
    if (tag !== null) found.addTrace(tag, name);
  }
  for (const set of table.sets) {
    const parsed = parseUnitSet(set.name);
    if (parsed === null) continue;
    found.addTrace(parsed.tag, set.name);
    const standing = found.entriesOf(parsed.tag);
    const suffix = parsed.prefix === bitsOf(parsed.family) ? '' : `/${parsed.prefix}`;
    const canary = canaryOf(parsed);
    for (const { address, expires } of set.elements) {
      if (address !== canary)
        standing.set(`${canonicalOf(address)}${suffix}`, expires === null ? null : options.now + expires);
    }
  }
  return found.held(rules.filter((rule) => jailStands(rule, table, options.setSize)));
}

function jailStands(rule: Rule, table: Table, setSize: number): boolean {
  const sets = new Map(table.sets.map((set) => [set.name, set]));
  const isMarked = UNITS.every((unit) => {
    const elements = sets.get(unitSetName(rule.jail, unit))?.elements ?? [];
    return elements.some((element) => element.address === canaryOf(unit));
  });
  return isMarked && structureStands(rule, table, setSize);
}

/** Whether sets, chains and rules stand, whatever is in the sets. */
function structureStands(rule: Rule, table: Table, setSize: number): boolean {
  const ours = table.sets.flatMap((set) => {
    const unit = parseUnitSet(set.name);
    return unit !== null && unit.tag === jailTag(rule.jail) ? [{ ...unit, size: set.size }] : [];
  });
  const extras = ours.filter((unit) => !isDefault(unit));
  return (
    UNITS.every((unit) => ours.some((set) => set.family === unit.family && set.prefix === unit.prefix)) &&
    ours.every((set) => set.size === setSize) &&
    [null, ...extras].every((extra) => chainsStand(rule, extra, table))
  );
}

function chainsStand(rule: Rule, extra: Unit | null, table: Table): boolean {
  const wanted = (extra === null ? UNITS : [extra]).flatMap((unit) => ruleLines(rule, unit)).length;
  return hooksOf(rule).every((hook) => {
    const name = chainName(rule.jail, hook, extra);
    const chain = table.chains.find((one) => one.name === name);
    const rules = table.rules.filter((line) => line.chain === name);
    return (
      chain?.hook === hook.name &&
      chain.priority === hook.priority &&
      rules.length === wanted &&
      rules.every((line) => line.comment === ruleComment(rule))
    );
  });
}

/** One `create` for each canary, line by line; the kernel answers for every line that it stands already. */
function canaryTrial(rules: readonly Rule[]): string {
  const lines = rules.flatMap((rule) =>
    UNITS.map((unit) => `create element ${TABLE} ${unitSetName(rule.jail, unit)} { ${canaryOf(unit)} }`),
  );
  return `${lines.join('\n')}\n`;
}

function readProbe(rules: readonly Rule[], outputs: readonly Output[], setSize: number): Probe {
  const [listing, trial] = outputs;
  const table = tableOf(listing);
  const standing = new Set<number>();
  for (const found of (trial?.stderr ?? '').matchAll(/^[^\s:]*:(\d+):\S+ Error: .*File exists/gm)) {
    standing.add(Number(found[1]));
  }
  const broken = rules.filter((rule, i) => {
    const isMarked = UNITS.every((_, k) => standing.has(i * UNITS.length + k + 1));
    return !isMarked || !structureStands(rule, table, setSize);
  });
  return { damaged: jailsOf(broken), absent: new Map() };
}
