import { MachineError } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { PortRange } from '../../base/ports.ts';
import { type Command, command, failureOf, type Output } from '../../base/process.ts';
import type { BlockKind } from '../../config/jail.ts';
import { type Absent, FAMILIES, placeOf, type Rule } from '../backend.ts';
import { chainsOf, fingerprint, formatRange, groupBy, matchesOf, presentChains } from '../match.ts';
import { jailTag } from '../names.ts';

/** What all our names in iptables and ipset begin with; fail2ban's begin with `f2b-`. */
export const PREFIX = 'f2b.';

/** A rule as iptables-save prints it (`-A CHAIN ...`), and the table of one family it stands in. */
type SavedRule = { readonly family: Family; readonly chain: string; readonly text: string };

/** A line for iptables-restore in the filter table. */
export type RuleLine = { readonly family: Family; readonly chain: string; readonly text: string };

/** Ports that one multiport match may list; a range counts twice. */
const MULTIPORT = 15;

/** The words that pick packets (those of all: ''), and what becomes of these; each is a rule of its own. */
type RuleSpec = { readonly words: string; readonly block: BlockKind };

/** What picks the packets that one rule blocks. */
export function specsOf(rule: Rule, family: Family): readonly RuleSpec[] {
  return matchesOf(rule, family).flatMap(({ protocol, ports, block }) => {
    const proto = protocol === null ? '' : `-p ${protocol}`;
    if (ports === null) return [{ words: proto, block }];
    const plain = portGroups(ports).map((list) => `${proto} -m multiport --dports ${list}`);
    // The filter table comes after the translation of addresses: the port that was dialled counts as well.
    const dialled = ports.map(
      (range) => `${proto} -m conntrack --ctdir ORIGINAL --ctorigdstport ${formatRange(range, ':')}`,
    );
    return [...plain, ...dialled].map((words) => ({ words, block }));
  });
}

function portGroups(ports: readonly PortRange[]): readonly string[] {
  const groups: string[][] = [];
  let room = 0;
  for (const range of ports) {
    const size = range[0] === range[1] ? 1 : 2;
    if (size > room) {
      groups.push([]);
      room = MULTIPORT;
    }
    groups.at(-1)?.push(formatRange(range, ':'));
    room -= size;
  }
  return groups.map((group) => group.join(','));
}

/** The target that refuses a packet; `tcp-reset` only for TCP. */
export function targetOf(block: BlockKind, family: Family): string {
  if (block === 'drop') return '-j DROP';
  if (block === 'tcp-reset') return '-j REJECT --reject-with tcp-reset';
  return `-j REJECT --reject-with ${family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'}`;
}

/** Which backend a rule belongs to: jails of both may stand in one table. */
type Means = 'set' | 'chain';

/** Words of a comment that says whose rule this is and what it was made from. */
export function commentWords(rule: Rule, means: Means): string {
  return `-m comment --comment "${PREFIX}${jailTag(rule.jail)} ${means} ${fingerprint(rule, 'ipt 2')}"`;
}

/** The chains of a table and the rules in them, from iptables-save. */
export type Saved = { readonly chains: readonly string[]; readonly rules: readonly SavedRule[] };

/** The filter tables of both families; null where the host has none. */
export type Tables = Readonly<Record<Family, Saved | null>>;

/**
 * The tables in the outputs of SAVE, and what of the chains of these rules is absent: a family that the host lacks, and a
 * chain that only the other family has, such as DOCKER-USER without IPv6. Throws MachineError when there is no table at all.
 */
export function readTables(outputs: readonly Output[], rules: readonly Rule[]) {
  const tables: Tables = { 4: readSaved(outputs[0], 4), 6: readSaved(outputs[1], 6) };
  if (tables[4] === null && tables[6] === null) throw new MachineError(reasonIn(outputs, 4));
  const absent = new Map<string, string>();
  for (const family of FAMILIES) {
    const [own, other] = [tables[family], tables[family === 4 ? 6 : 4]];
    for (const chain of new Set(rules.flatMap(chainsOf))) {
      const why =
        own === null
          ? `IPv${family} is left out: ${reasonIn(outputs, family)}`
          : `IPv${family} is left out of ${chain}: it has no such chain`;
      if (own === null || (!own.chains.includes(chain) && other?.chains.includes(chain)))
        absent.set(placeOf(family, chain), why);
    }
  }
  return { tables, absent };
}

function reasonIn(outputs: readonly Output[], family: Family): string {
  const at = FAMILIES.indexOf(family);
  const [asked, output] = [SAVE[at], outputs[at]];
  const why = asked === undefined || output === undefined ? null : failureOf(asked, output);
  return why ?? `cannot read the output of ${asked?.argv[0]}`;
}

/** Reads the filter table of `iptables-save -t filter`; null when it did not answer. */
function readSaved(output: Output | undefined, family: Family): Saved | null {
  if (output?.exitCode !== 0 || /is incompatible, use 'nft' tool/.test(output.stdout)) return null;
  const lines = output.stdout.split('\n');
  return {
    chains: lines.flatMap((line) => (line.startsWith(':') ? [line.slice(1, line.indexOf(' '))] : [])),
    rules: lines.flatMap((text) =>
      text.startsWith('-A ') ? [{ family, chain: text.split(' ', 2)[1] ?? '', text }] : [],
    ),
  };
}

/** The commands whose outputs readTables understands, in the order of FAMILIES; a host may lack one of the two. */
export const SAVE: readonly Command[] = [
  command(['iptables-save', '-t', 'filter'], { mayFail: true }),
  command(['ip6tables-save', '-t', 'filter'], { mayFail: true }),
];

/** The comment's tag and fingerprint in a rule of ours; null for a foreign rule. */
export function ownerOf(text: string, means: Means): { readonly tag: string; readonly mark: string } | null {
  const found = /--comment "f2b\.([A-Za-z0-9_.-]{1,24}) (set|chain) ([0-9a-f]{8})"/.exec(text);
  return found === null || found[2] !== means ? null : { tag: found[1] ?? '', mark: found[3] ?? '' };
}

/** What a jail should have in one family's table: how many rules in each chain that is there. */
type WantedRule = {
  readonly means: Means;
  readonly family: Family;
  readonly absent: Absent;
  readonly count: (chain: string) => number;
};

/** Whether the jail's rules stand in every chain of theirs in one family's table. */
export function rulesStand(rule: Rule, saved: Saved, { means, family, absent, count }: WantedRule): boolean {
  const [tag, mark] = [jailTag(rule.jail), fingerprint(rule, 'ipt 2')];
  const own = saved.rules.flatMap((line) => {
    const owner = ownerOf(line.text, means);
    return owner?.tag === tag ? [{ chain: line.chain, mark: owner.mark }] : [];
  });
  const chains = presentChains(rule, family, absent);
  return (
    own.every((line) => line.mark === mark && chains.includes(line.chain)) &&
    chains.every((chain) => own.filter((line) => line.chain === chain).length === count(chain))
  );
}

/**
 * One iptables-restore for each family and chain (so that a chain that does not exist, such as DOCKER-USER without Docker,
 * holds up no other), lines in the order given.
 */
export function restoreCommands(lines: readonly RuleLine[]): readonly Command[] {
  return FAMILIES.flatMap((family) => {
    const groups = groupBy(
      lines.filter((line) => line.family === family),
      (line) => line.chain,
    );
    return [...groups.values()].map((group) => restoreCommand(family, group));
  });
}

/** One iptables-restore (a single transaction) that leaves alone what it does not name. */
export function restoreCommand(family: Family, lines: readonly RuleLine[]): Command {
  const program = family === 4 ? 'iptables-restore' : 'ip6tables-restore';
  const stdin = ['*filter', ...lines.map((line) => line.text), 'COMMIT', ''].join('\n');
  return command([program, '--noflush', '-w', '10'], { stdin });
}

/** The line that deletes a saved rule. */
export function deletionOf({ family, chain, text }: SavedRule): RuleLine {
  return { family, chain, text: `-D${text.slice(2)}` };
}

/** A saved rule as a trace, and back; null for a trace that is something else. */
export function traceOf({ family, text }: SavedRule): string {
  return `${family} ${text}`;
}

/** What traceOf wrote; null for another trace. */
export function savedOf(trace: string): SavedRule | null {
  const found = /^([46]) (-A (\S+) .*)$/.exec(trace);
  if (found === null) return null;
  return { family: found[1] === '4' ? 4 : 6, chain: found[3] ?? '', text: found[2] ?? '' };
}
