/**
 * ipset + iptables. Each jail has one `hash:net` set for each family, which holds hosts and networks alike (overlaps are no
 * trouble, and while all are hosts a lookup costs the same as in hash:ip), and one iptables rule for each family and
 * chain, put in at the top of the chain.
 *
 * Established connections: cut, as long as our rules stand before the accepting of established ones; they are put in
 * at the top. Time-outs end at 2147483 s (24.8 days): longer bans are set to it and given more time later.
 * The port that was dialled (before translation) counts as well as the present one.
 * A set is replaced by filling another one and swapping: no moment without the bans.
 */
import { type Family, familyOf } from '../base/ip.ts';
import { type Command, command, type Output } from '../base/process.ts';
import { SET_SIZE } from '../config/values.ts';
import {
  type Absent,
  type BanEntry,
  type Difference,
  FAMILIES,
  type Firewall,
  type Held,
  type Probe,
  type Rule,
} from './backend.ts';
import { collectHeld } from './held.ts';
import {
  commentWords,
  deletionOf,
  ownerOf,
  PREFIX,
  type RuleLine,
  readTables,
  restoreCommands,
  rulesStand,
  SAVE,
  savedOf,
  specsOf,
  type Tables,
  targetOf,
  traceOf,
} from './iptables/rule.ts';
import { assertCanonical, canonicalOf, jailsOf, presentChains, timeoutOf } from './match.ts';
import { hashSets } from './names.ts';

const MAX_TIMEOUT = 2147483;
const SETS = hashSets(PREFIX);

/** The ipset backend; `setSize` is how many addresses a set may hold. */
export function ipset(setSize = SET_SIZE): Firewall {
  return {
    kind: 'ipset',
    programs: ['ipset', 'iptables-restore'],
    hasTimeouts: true,
    maxTimeout: MAX_TIMEOUT,
    exitProves: true,
    list: () => [command(['ipset', 'save']), ...SAVE],
    readHeld: (rules, outputs, now) => readHeld(rules, outputs, { setSize, now }),
    probe: () => [command(['ipset', 'list', '-t']), ...SAVE],
    readProbe: (rules, outputs, expected) => readProbe(rules, outputs, { setSize, expected }),
    change: (rules, difference, now) => change(rules, difference, { setSize, now }),
    hasPackets: true,
    watch: () => ({ command: command(['nft', 'monitor']), concerns: /\bip6? filter\b/, isWhole: false }),
  };
}

function insertions(rule: Rule, absent: Absent): readonly RuleLine[] {
  return FAMILIES.flatMap((family) =>
    presentChains(rule, family, absent).flatMap((chain) =>
      rulesOf(rule, family, chain).map((text) => ({ family, chain, text })),
    ),
  );
}

function rulesOf(rule: Rule, family: Family, chain: string): readonly string[] {
  const set = `-m set --match-set ${SETS.name(rule.jail, family)} src ${commentWords(rule, 'set')}`;
  return specsOf(rule, family)
    .map(({ words, block }) => `${words} ${set} ${targetOf(block, family)}`.trim())
    .map((words) => `-I ${chain} 1 ${words}`)
    .toReversed();
}

type SetOptions = { readonly setSize: number; readonly now: number };

function change(_rules: readonly Rule[], wanted: Difference, options: SetOptions): readonly Command[] {
  const { setup, add, remove, teardown, traces, absent } = wanted;
  assertCanonical(add);
  assertCanonical(remove);
  const isFresh = jailsOf(setup);
  const tracesOf = (jails: Iterable<string>): string[] =>
    [...jails].flatMap((jail) => [...(traces.get(jail) ?? [])]);
  const odd = tracesOf(isFresh).filter((trace) => trace.startsWith('odd '));
  const gone = [...tracesOf(teardown).filter((trace) => /^(?:set|odd) /.test(trace)), ...odd];
  const deletions = (jails: Iterable<string>): RuleLine[] =>
    tracesOf(jails).flatMap((trace) => {
      const saved = savedOf(trace);
      return saved === null ? [] : [deletionOf(saved)];
    });
  const early = odd.length === 0 ? [] : deletions(isFresh);
  const inserted = setup.flatMap((rule) => insertions(rule, absent));
  const late = [...(odd.length === 0 ? deletions(isFresh) : []), ...inserted];
  const filling = [
    ...setup.flatMap((rule) => fillLines(rule, add, { ...options, traces: traces.get(rule.jail) ?? [] })),
    ...remove.map((entry) => `del ${SETS.of(entry)} ${entry.address}`),
    ...add
      .filter((entry) => !isFresh.has(entry.jail))
      .map((entry) => addEntryLine(entry, SETS.of(entry), options.now)),
  ];
  return [
    ...restoreCommands([...deletions(teardown), ...early]),
    ...setCommands(gone.map((trace) => `destroy ${trace.slice(4)}`)),
    ...setCommands(filling),
    ...restoreCommands(late),
  ];
}

function setCommands(lines: readonly string[]): readonly Command[] {
  return lines.length === 0 ? [] : [command(['ipset', 'restore', '-!'], { stdin: `${lines.join('\n')}\n` })];
}

function fillLines(
  rule: Rule,
  add: readonly BanEntry[],
  { setSize, now, traces }: SetOptions & { readonly traces: readonly string[] },
): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const name = SETS.name(rule.jail, family);
    const spare = `${name}+`;
    const type = `hash:net family ${family === 4 ? 'inet' : 'inet6'} maxelem ${setSize} timeout 0`;
    const entries = add.filter((entry) => entry.jail === rule.jail && familyOf(entry.address) === family);
    const fill = (set: string): string[] => entries.map((entry) => addEntryLine(entry, set, now));
    if (!traces.includes(`set ${name}`)) return [`create ${name} ${type}`, ...fill(name)];
    const isLeft = traces.includes(`set ${spare}`);
    return [
      ...(isLeft ? [`destroy ${spare}`] : []),
      `create ${spare} ${type}`,
      ...fill(spare),
      `swap ${spare} ${name}`,
      `destroy ${spare}`,
    ];
  });
}

function addEntryLine({ address, until }: BanEntry, set: string, now: number): string {
  return `add ${set} ${address} timeout ${timeoutOf(until, now, MAX_TIMEOUT) ?? 0}`;
}

function readHeld(rules: readonly Rule[], outputs: readonly Output[], options: SetOptions): Held {
  const found = collectHeld(rules);
  const { tables, absent } = readTables(outputs.slice(1), rules);
  for (const rule of FAMILIES.flatMap((family) => tables[family]?.rules ?? [])) {
    const owner = ownerOf(rule.text, 'set');
    if (owner !== null) found.addTrace(owner.tag, traceOf(rule));
  }
  const sets = readSets(outputs[0]?.stdout ?? '', options);
  for (const [name, set] of sets) {
    const parsed = SETS.parse(name);
    if (parsed === null) continue;
    found.addTrace(parsed.tag, `${set.isOdd ? 'odd' : 'set'} ${name}`);
    if (parsed.isSpare) continue;
    const standing = found.entriesOf(parsed.tag);
    for (const [address, until] of set.entries) standing.set(address, until);
  }
  const isReady = (rule: Rule): boolean =>
    FAMILIES.every((family) => {
      const set = sets.get(SETS.name(rule.jail, family));
      return (
        familyStands(rule, family, { tables, absent }) && set?.isOdd === false && set.size === options.setSize
      );
    });
  return found.held(rules.filter(isReady), { absent });
}

type Places = { readonly tables: Tables; readonly absent: Absent };

function familyStands(rule: Rule, family: Family, { tables, absent }: Places): boolean {
  const saved = tables[family];
  const count = (chain: string): number => rulesOf(rule, family, chain).length;
  return saved === null || rulesStand(rule, saved, { means: 'set', family, absent, count });
}

type KernelSet = {
  readonly size: number;
  /** Of a type that cannot be swapped with ours. */
  readonly isOdd: boolean;
  readonly entries: Map<string, number | null>;
};

function readSets(save: string, { now }: SetOptions): ReadonlyMap<string, KernelSet> {
  const sets = new Map<string, KernelSet>();
  for (const line of save.split('\n')) {
    if (!/^(?:add|create) f2b\./.test(line)) continue;
    const [verb, name = '', value = '', ...rest] = line.split(' ');
    if (verb === 'create') {
      const options = rest.join(' ');
      const family = SETS.parse(name)?.family === 6 ? 'family inet6' : 'family inet ';
      const isOdd = value !== 'hash:net' || !`${options} `.includes(family) || !options.includes('timeout ');
      const size = Number(/maxelem (\d+)/.exec(options)?.[1] ?? 0);
      sets.set(name, { size, isOdd, entries: new Map() });
    } else {
      const timeout = Number(rest[rest.indexOf('timeout') + 1] ?? 0);
      sets.get(name)?.entries.set(canonicalOf(value), timeout === 0 ? null : now + timeout);
    }
  }
  return sets;
}

type Expected = { readonly setSize: number; readonly expected: Pick<ReadonlyMap<string, number>, 'get'> };

function readProbe(
  rules: readonly Rule[],
  outputs: readonly Output[],
  { setSize, expected }: Expected,
): Probe {
  const places = readTables(outputs.slice(1), rules);
  const sets = new Map(
    (outputs[0]?.stdout ?? '').split('\n\n').map((block) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      const size = Number(/maxelem (\d+)/.exec(field('Header'))?.[1] ?? 0);
      return [field('Name'), { size, count: Number(field('Number of entries')) }] as const;
    }),
  );
  const broken = rules.filter((rule) => {
    const own = FAMILIES.map((family) => sets.get(SETS.name(rule.jail, family)));
    const count = own.reduce((sum, set) => sum + (set?.count ?? 0), 0);
    const stands = FAMILIES.every((family) => familyStands(rule, family, places));
    const hasSets = own.every((set) => set?.size === setSize);
    return !stands || !hasSets || count < (expected.get(rule.jail) ?? 0);
  });
  return { damaged: jailsOf(broken), absent: places.absent };
}
