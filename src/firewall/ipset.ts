/**
 * ipset + iptables. Each jail has one `hash:net` set for each family, which holds hosts and networks alike (overlaps are no
 * trouble, and while all are hosts a lookup costs the same as in hash:ip), and one iptables rule for each family and
 * chain, put in at the top of the chain.
 *
 * Established connections: cut, as long as our rules stand before the accepting of established ones; they are put in
 * at the top. Time-outs end at 2147483 s (24.8 days): longer bans are set to it and given more time later.
 * In chains other than INPUT and FORWARD the port that was dialled (before translation) counts as well as the present one.
 * A set is replaced by filling another one and swapping: no moment without the bans.
 */
import { MachineError } from '../base/errors.ts';
import { type Family, familyOf } from '../base/ip.ts';
import { type Command, command, type Output } from '../base/process.ts';
import { type BanEntry, type Difference, FAMILIES, type Firewall, type Held, type Rule } from './backend.ts';
import {
  commentOf,
  deletionOf,
  ownerOf,
  PREFIX,
  type RuleLine,
  readSaved,
  restoreCommands,
  rulesStand,
  SAVE,
  type Saved,
  savedOf,
  specsOf,
  targetOf,
  traceOf,
} from './iptables/rule.ts';
import { assertCanonical, canonicalOf, chainsOf, timeoutOf } from './match.ts';
import { jailTag, jailTags } from './names.ts';

const MAX_TIMEOUT = 2147483;
const SUFFIX = { 4: '-4', 6: '-6' } as const;

/** The ipset backend; `setSize` is how many addresses a set may hold. */
export function ipset(setSize = 262144): Firewall {
  return {
    kind: 'ipset',
    programs: ['ipset', 'iptables-restore', 'ip6tables-restore'],
    hasTimeouts: true,
    maxTimeout: MAX_TIMEOUT,
    exitProves: true,
    takesOverlaps: true,
    list: () => [command(['ipset', 'save']), ...SAVE],
    readHeld: (rules, outputs, now) => readHeld(rules, outputs, { setSize, now }),
    probe: () => [command(['ipset', 'list', '-t']), ...SAVE],
    readProbe: (rules, outputs, expected) => readProbe(rules, outputs, { setSize, expected }),
    change: (rules, difference, now) => change(rules, difference, { setSize, now }),
    cut: () => [],
    watch: () => ({ command: command(['nft', 'monitor']), concerns: /\bip6? filter\b/ }),
  };
}

function setName(jail: string, family: Family): string {
  return `${PREFIX}${jailTag(jail)}${SUFFIX[family]}`;
}

/** The tag and family of a set of ours; `isSpare` when it is the one that is filled before a swap. */
function parseSetName(name: string) {
  const found = /^f2b\.([A-Za-z0-9_.-]{1,24})-([46])(\+?)$/.exec(name);
  if (found === null) return null;
  const family: Family = found[2] === '4' ? 4 : 6;
  return { tag: found[1] ?? '', family, isSpare: found[3] === '+' };
}

function ruleLines(rule: Rule): readonly RuleLine[] {
  return FAMILIES.flatMap((family) =>
    chainsOf(rule).flatMap((chain) => rulesOf(rule, family, chain).map((text) => ({ family, chain, text }))),
  );
}

function rulesOf(rule: Rule, family: Family, chain: string): readonly string[] {
  const start = `-I ${chain} 1`;
  const set = `-m set --match-set ${setName(rule.jail, family)} src ${commentOf(rule, 'set')}`;
  const target = targetOf(rule.block, family);
  const reset = '-j REJECT --reject-with tcp-reset';
  return specsOf(rule, family, chain)
    .flatMap((spec) => {
      if (rule.block === 'tcp-reset' && spec === '') return [`-p 6 ${set} ${reset}`, `${set} ${target}`];
      if (rule.block === 'tcp-reset' && /^-p 6\b/.test(spec)) return [`${spec} ${set} ${reset}`];
      return [`${spec} ${set} ${target}`];
    })
    .map((words) => `${start} ${words.trim()}`)
    .toReversed();
}

type SetOptions = { readonly setSize: number; readonly now: number };

function change(_rules: readonly Rule[], wanted: Difference, options: SetOptions): readonly Command[] {
  const { setup, add, remove, teardown, traces } = wanted;
  assertCanonical(add);
  assertCanonical(remove);
  const isFresh = new Set(setup.map((rule) => rule.jail));
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
  const late = [...(odd.length === 0 ? deletions(isFresh) : []), ...setup.flatMap(ruleLines)];
  const filling = [
    ...setup.flatMap((rule) => fillLines(rule, add, { ...options, traces: traces.get(rule.jail) ?? [] })),
    ...remove.map((entry) => `del ${setOf(entry)} ${entry.address}`),
    ...add
      .filter((entry) => !isFresh.has(entry.jail))
      .map((entry) => addLine(entry, setOf(entry), options.now)),
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
    const name = setName(rule.jail, family);
    const spare = `${name}+`;
    const type = `hash:net family ${family === 4 ? 'inet' : 'inet6'} maxelem ${setSize} timeout 0`;
    const entries = add.filter((entry) => entry.jail === rule.jail && familyOf(entry.address) === family);
    const fill = (set: string): string[] => entries.map((entry) => addLine(entry, set, now));
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

function addLine({ address, until }: BanEntry, set: string, now: number): string {
  return `add ${set} ${address} timeout ${timeoutOf(until, now, MAX_TIMEOUT) ?? 0}`;
}

function setOf({ jail, address }: BanEntry): string {
  return setName(jail, familyOf(address));
}

function mustAnswer<T>(value: T | null, what: string): T {
  if (value === null) throw new MachineError(`cannot read the output of ${what}`);
  return value;
}

function readHeld(rules: readonly Rule[], outputs: readonly Output[], options: SetOptions): Held {
  const jails = jailTags(rules.map((rule) => rule.jail));
  const known = new Set(jails.values());
  const saved4 = mustAnswer(readSaved(outputs[1], 4), 'iptables-save');
  const saved6 = readSaved(outputs[2], 6);
  const entries = new Map<string, Map<string, number | null>>();
  const traces = new Map<string, string[]>();
  const note = (tag: string, trace: string): void => {
    const jail = jails.get(tag) ?? tag;
    traces.set(jail, [...(traces.get(jail) ?? []), trace]);
  };
  for (const rule of [...saved4.rules, ...(saved6?.rules ?? [])]) {
    const owner = ownerOf(rule.text, 'set');
    if (owner !== null) note(owner.tag, traceOf(rule));
  }
  const sets = readSets(outputs[0]?.stdout ?? '', options);
  for (const [name, set] of sets) {
    const parsed = parseSetName(name);
    if (parsed === null) continue;
    note(parsed.tag, `${set.isOdd ? 'odd' : 'set'} ${name}`);
    if (parsed.isSpare) continue;
    const jail = jails.get(parsed.tag) ?? parsed.tag;
    entries.set(jail, new Map([...(entries.get(jail) ?? []), ...set.entries]));
  }
  const isReady = (rule: Rule): boolean =>
    FAMILIES.every((family) => {
      const saved = family === 4 ? saved4 : saved6;
      const set = sets.get(setName(rule.jail, family));
      const stands =
        saved === null ||
        rulesStand(rule, saved, { means: 'set', count: (chain) => rulesOf(rule, family, chain).length });
      return stands && set !== undefined && !set.isOdd && set.size === options.setSize;
    });
  const ready = new Set(rules.filter(isReady).map((rule) => rule.jail));
  return { ready, entries, traces, strays: new Set([...traces.keys()].filter((jail) => !known.has(jail))) };
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
      const family = parseSetName(name)?.family === 6 ? 'family inet6' : 'family inet ';
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

type Expected = { readonly setSize: number; readonly expected: ReadonlyMap<string, number> };

function readProbe(
  rules: readonly Rule[],
  outputs: readonly Output[],
  { setSize, expected }: Expected,
): ReadonlySet<string> {
  const saved: Record<Family, Saved | null> = {
    4: mustAnswer(readSaved(outputs[1], 4), 'iptables-save'),
    6: readSaved(outputs[2], 6),
  };
  const sets = new Map(
    (outputs[0]?.stdout ?? '').split('\n\n').map((block) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
      const size = Number(/maxelem (\d+)/.exec(field('Header'))?.[1] ?? 0);
      return [field('Name'), { size, count: Number(field('Number of entries')) }] as const;
    }),
  );
  const broken = rules.filter((rule) => {
    let count = 0;
    const stands = FAMILIES.every((family) => {
      const set = sets.get(setName(rule.jail, family));
      const table = saved[family];
      count += set?.count ?? 0;
      return (
        set?.size === setSize &&
        (table === null ||
          rulesStand(rule, table, { means: 'set', count: (chain) => rulesOf(rule, family, chain).length }))
      );
    });
    return !stands || count < (expected.get(rule.jail) ?? 0);
  });
  return new Set(broken.map((rule) => rule.jail));
}
