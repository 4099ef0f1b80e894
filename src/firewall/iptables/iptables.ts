/**
 * iptables alone: a chain `f2b.JAIL` for each jail, with one rule for each address, jumped to from the top of the wanted
 * chains. Everything travels in one iptables-restore for each family. For hosts without ipset and nft: every packet
 * is compared with every address, so some hundreds of bans are sensible here.
 *
 * Established connections: cut, as long as our jump stands before the accepting of established ones; it is put in at
 * the top. No kernel time-outs: bans outlive a dead f2b until it runs again. The probe reads the whole table.
 * The port that was dialled (before translation) counts as well as the present one.
 */
import { type Family, familyOf } from '../../base/ip.ts';
import { type Command, command, type Output } from '../../base/process.ts';
import {
  type Absent,
  type BanEntry,
  type Difference,
  FAMILIES,
  type Firewall,
  type Held,
  type Rule,
} from '../backend.ts';
import { collectHeld } from '../held.ts';
import { assertCanonical, canonicalOf, jailsOf, presentChains, whyAbsent } from '../match.ts';
import { jailTag } from '../names.ts';
import {
  commentWords,
  deletionOf,
  ownerOf,
  PREFIX,
  type RuleLine,
  readTables,
  restoreCommand,
  restoreCommands,
  rulesStand,
  SAVE,
  type Saved,
  savedOf,
  specsOf,
  targetOf,
  traceOf,
} from './rule.ts';

/** No tag begins with a dot, so this chain's name is no jail's: TCP is reset, everything else rejected. */
const RESET = '.reset';

/** Marks the trace of a foreign jump to our chain: it is removed only with the chain, which it keeps from going. */
const FOREIGN = '!';

/** The iptables backend. */
export const iptables: Firewall = {
  kind: 'iptables',
  programs: ['iptables-restore'],
  hasTimeouts: false,
  maxTimeout: Number.MAX_SAFE_INTEGER,
  // Doubled rules and rules behind foreign ones are seen only by reading the table.
  exitProves: false,
  list: () => SAVE,
  readHeld,
  probe: () => SAVE,
  readProbe(rules, outputs, expected) {
    const held = readHeld(rules, outputs);
    const broken = rules.filter(({ jail }) => {
      const count = held.entries.get(jail)?.size ?? 0;
      return !held.ready.has(jail) || count < (expected.get(jail) ?? 0);
    });
    return { damaged: jailsOf(broken), absent: held.absent };
  },
  change,
  hasPackets: true,
  watch: () => ({ command: command(['nft', 'monitor']), concerns: /\bip6? filter\b/, isWhole: false }),
};

function chainOf(jail: string): string {
  return `${PREFIX}${jail === RESET ? RESET : jailTag(jail)}`;
}

function targetOfEntry(rule: Rule, family: Family): string {
  return rule.block === 'tcp-reset' ? `-j ${PREFIX}${RESET}` : targetOf(rule.block, family);
}

function jumpsOf(rule: Rule, family: Family, chain: string): readonly string[] {
  // The jail's own chain says what becomes of the packets.
  return specsOf({ ...rule, block: 'drop' }, family)
    .map(({ words }) => `${words} ${commentWords(rule, 'chain')}`.trim())
    .map((words) => `-I ${chain} 1 ${words} -j ${chainOf(rule.jail)}`)
    .toReversed();
}

function change(rules: readonly Rule[], wanted: Difference): readonly Command[] {
  const { setup, add, remove, teardown, traces, absent } = wanted;
  assertCanonical(add);
  assertCanonical(remove);
  const jumps = (jails: readonly string[], foreign: string): RuleLine[] =>
    jails.flatMap((jail) =>
      (traces.get(jail) ?? []).flatMap((trace) => {
        const saved = savedOf(trace.startsWith(foreign) ? trace.slice(foreign.length) : trace);
        return saved === null ? [] : [deletionOf(saved)];
      }),
    );
  const inserts = setup.flatMap((rule) =>
    FAMILIES.flatMap((family) =>
      presentChains(rule, family, absent).flatMap((chain) =>
        jumpsOf(rule, family, chain).map((text) => ({ family, chain, text })),
      ),
    ),
  );
  const byJail = new Map(rules.map((rule) => [rule.jail, rule]));
  const isFresh = jailsOf(setup);
  const present = (family: Family): readonly Rule[] =>
    setup.filter((rule) => whyAbsent(rule, family, absent) === null);
  const lines = FAMILIES.flatMap((family) => [
    ...goneLines(teardown, traces, family),
    ...resetLines(present(family), family),
    ...present(family).map((rule) => ruleLine(family, `:${chainOf(rule.jail)} - [0:0]`)),
    ...remove.flatMap((entry) => entryLine(entry, '-D', { family, rule: byJail.get(entry.jail) })),
    ...add.flatMap((entry) =>
      entryLine(entry, isFresh.has(entry.jail) ? '-A' : '-I', { family, rule: byJail.get(entry.jail) }),
    ),
  ]);
  const perFamily = FAMILIES.flatMap((family) => {
    const own = lines.filter((line) => line.family === family);
    return own.length === 0 ? [] : [restoreCommand(family, own)];
  });
  const old = jumps(
    setup.map((rule) => rule.jail),
    '',
  );
  return [
    ...restoreCommands(jumps(teardown, FOREIGN)),
    ...perFamily,
    ...restoreCommands([...old, ...inserts]),
  ];
}

function ruleLine(family: Family, text: string): RuleLine {
  return { family, chain: '', text };
}

function goneLines(
  teardown: readonly string[],
  traces: Difference['traces'],
  family: Family,
): readonly RuleLine[] {
  const chains = teardown.filter((jail) => traces.get(jail)?.includes(`chain ${family}`)).map(chainOf);
  return [...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)].map((text) =>
    ruleLine(family, text),
  );
}

function resetLines(setup: readonly Rule[], family: Family): readonly RuleLine[] {
  if (!setup.some((rule) => rule.block === 'tcp-reset')) return [];
  const chain = `${PREFIX}${RESET}`;
  return [
    `:${chain} - [0:0]`,
    `-A ${chain} -p 6 ${targetOf('tcp-reset', family)}`,
    `-A ${chain} ${targetOf('reject', family)}`,
  ].map((text) => ruleLine(family, text));
}

type EntryRule = { readonly family: Family; readonly rule: Rule | undefined };

function entryLine(
  entry: BanEntry,
  verb: '-A' | '-I' | '-D',
  { family, rule }: EntryRule,
): readonly RuleLine[] {
  if (rule === undefined || familyOf(entry.address) !== family) return [];
  const chain = chainOf(rule.jail);
  return [ruleLine(family, `${verb} ${chain} -s ${entry.address} ${targetOfEntry(rule, family)}`)];
}

function readHeld(rules: readonly Rule[], outputs: readonly Output[]): Held {
  const { tables, absent } = readTables(outputs, rules);
  const found = collectHeld(rules);
  const byChain = new Map(rules.map((rule) => [chainOf(rule.jail), rule]));
  const unclean = new Set<string>();
  for (const family of FAMILIES) {
    const saved = tables[family];
    if (saved === null) continue;
    for (const chain of saved.chains) {
      if (!/^f2b\.\.?[A-Za-z0-9]/.test(chain)) continue;
      found.addTrace(chain.slice(PREFIX.length), `chain ${family}`);
    }
    for (const rule of saved.rules) {
      const owner = ownerOf(rule.text, 'chain');
      const target = / -[jg] f2b\.(\S+)$/.exec(rule.text)?.[1];
      if (owner !== null) found.addTrace(owner.tag, traceOf(rule));
      else if (target !== undefined && rule.chain !== chainOf(target) && !rule.chain.startsWith(PREFIX)) {
        found.addTrace(target, `${FOREIGN}${traceOf(rule)}`);
      }
      const jailRule = byChain.get(rule.chain);
      if (jailRule === undefined) continue;
      const { jail } = jailRule;
      const standing = found.entriesOf(jail);
      const address = addressIn(rule.text, targetOfEntry(jailRule, family));
      if (address === null || standing.has(address)) unclean.add(jail);
      else standing.set(address, null);
    }
  }
  const ready = rules.filter(
    (rule) =>
      !unclean.has(rule.jail) &&
      FAMILIES.every((family) => isReady(rule, family, { saved: tables[family], absent })),
  );
  const shared = rules.some((rule) => rule.block === 'tcp-reset') ? [RESET] : [];
  return found.held(ready, { shared, absent });
}

function addressIn(text: string, target: string): string | null {
  const found = /^-A \S+ -s (\S+) (-j .*)$/.exec(text);
  return found === null || found[2] !== target ? null : canonicalOf(found[1] ?? '');
}

type Place = { readonly saved: Saved | null; readonly absent: Absent };

function isReady(rule: Rule, family: Family, { saved, absent }: Place): boolean {
  if (saved === null) return true;
  const count = (chain: string): number => jumpsOf(rule, family, chain).length;
  const isReset = rule.block !== 'tcp-reset' || resetStands(saved, family);
  const hasChains = isReset && saved.chains.includes(chainOf(rule.jail));
  return (
    rulesStand(rule, saved, { means: 'chain', family, absent, count }) &&
    (hasChains || whyAbsent(rule, family, absent) !== null)
  );
}

function resetStands(saved: Saved, family: Family): boolean {
  const chain = `${PREFIX}${RESET}`;
  const texts = saved.rules.filter((rule) => rule.chain === chain).map((rule) => rule.text);
  return (
    texts.length === 2 &&
    texts[0] === `-A ${chain} -p tcp ${targetOf('tcp-reset', family)}` &&
    texts[1] === `-A ${chain} ${targetOf('reject', family)}`
  );
}
