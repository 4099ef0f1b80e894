/**
 * firewalld. Each jail has one permanent `hash:net` ipset for each family (without time-outs: firewalld 1.3 ignores them),
 * and the permanent policy `f2b`, from any zone to the host and before all zones, has one rich rule for each
 * family and port. Entries are runtime only, so a reload loses them and they are filled in again.
 *
 * A set can be made only permanently, so the first rules of a jail need one `firewall-cmd --reload`, which drops
 * runtime-only settings of the user (they are named in a warning); it happens only when a set or rule of ours does not
 * stand in the kernel.
 * What is held is read from the kernel, never from firewalld's memory. Where they differ, what is missing is removed
 * and added, because firewalld does not put in again what it believes to stand.
 * Established connections: firewalld accepts them before it asks us, so `ss -K` closes those of a just-banned address
 * (and `conntrack -D` forgets the forwarded ones where that program exists).
 * No kernel time-outs: bans outlive a dead f2b until it runs again or firewalld reloads.
 * Other chains than INPUT become a second policy for forwarded packets; ports that Docker publishes pass firewalld by.
 * Networks that overlap are refused by firewalld: only the outer ones are put in.
 */
import { MachineError } from '../../base/errors.ts';
import { type Family, familyOf } from '../../base/ip.ts';
import { type Command, command, FILE_ARGUMENT, type Output } from '../../base/process.ts';
import { type BanEntry, type Difference, FAMILIES, type Firewall, type Held, type Rule } from '../backend.ts';
import { collectHeld } from '../held.ts';
import { assertCanonical, groupBy, jailsOf } from '../match.ts';
import { KERNEL, kernelStands, readKernel } from './kernel.ts';
import { LOSSES } from './losses.ts';
import { FORWARD_POLICY, INPUT_POLICY, policiesOf, rulesOfPolicy, SETS } from './rule.ts';

const BUS = 'org.fedoraproject.FirewallD1';
const PATH = '/org/fedoraproject/FirewallD1';
/** Up to so many entries go over D-Bus one by one; more are read from a file by firewall-cmd. */
const FEW = 3;
const CUT_AT_ONCE = 500;

/** Key of traces that belong to no jail. */
const SHARED = '';

/** The firewalld backend; `setSize` is how many addresses a set may hold with firewalld's iptables backend. */
export function firewalld(setSize = 262144): Firewall {
  return {
    kind: 'firewalld',
    programs: ['firewall-cmd', 'busctl'],
    hasTimeouts: false,
    maxTimeout: Number.MAX_SAFE_INTEGER,
    exitProves: false,
    takesOverlaps: false,
    list: () => [
      ...KERNEL,
      busCall('config', 'config', 'getIPSetNames'),
      busCall('config', 'config', 'getPolicyNames'),
      busCall('', 'policy', 'getPolicySettings', 's', INPUT_POLICY),
      busCall('', 'policy', 'getPolicySettings', 's', FORWARD_POLICY),
    ],
    readHeld,
    probe: () => KERNEL,
    readProbe(rules, outputs, expected) {
      const kernel = readKernel(outputs);
      const broken = rules.filter((rule) => {
        const sets = FAMILIES.map((family) => kernel.sets.get(SETS.name(rule.jail, family)));
        const count = sets.reduce((sum, set) => sum + (set?.entries.length ?? 0), 0);
        return !kernelStands(rule, kernel) || count < (expected.get(rule.jail) ?? 0);
      });
      return jailsOf(broken);
    },
    change: (rules, difference) => change(rules, difference, setSize),
    cut,
    losses: LOSSES,
    watch: () => ({ command: command(['nft', 'monitor']), concerns: /\binet firewalld\b|\bip6? filter\b/ }),
  };
}

function busCall(folder: string, part: string, method: string, ...args: string[]): Command {
  const path = folder === '' ? PATH : `${PATH}/${folder}`;
  const argv = ['busctl', 'call', BUS, path, `${BUS}.${part}`, method, ...args] as const;
  return command(argv, { mayFail: method === 'getPolicySettings' });
}

function change(rules: readonly Rule[], wanted: Difference, setSize: number): readonly Command[] {
  assertCanonical(wanted.add);
  assertCanonical(wanted.remove);
  const isSetup = wanted.setup.length + wanted.teardown.length > 0;
  const fresh = jailsOf(wanted.setup);
  const standing = wanted.add.filter((entry) => !fresh.has(entry.jail));
  const added = wanted.add.filter((entry) => fresh.has(entry.jail));
  return [
    ...(isSetup ? definitionCommands(rules, wanted, setSize) : []),
    ...entryCommands('remove', wanted.remove, wanted.isNews),
    ...entryCommands('add', standing, wanted.isNews),
    // After the reload the sets are empty in firewalld's memory as well.
    ...bulkCommands('add', added, false),
  ];
}

/** Sets are removed after the rules that use them; otherwise firewalld ends in state `failed`. */
function definitionCommands(rules: readonly Rule[], { teardown, traces }: Difference, setSize: number) {
  const namesOf = (kind: string, among = [...traces.values()].flat()): string[] =>
    among.filter((trace) => trace.startsWith(`${kind} `)).map((trace) => trace.slice(kind.length + 1));
  const permanent = (args: readonly string[]): Command =>
    command(['firewall-cmd', '--permanent', ...args], { mayFail: true });
  const policies = [INPUT_POLICY, FORWARD_POLICY].filter((policy) => rulesOfPolicy(rules, policy).length > 0);
  const gone = namesOf(
    'set',
    teardown.flatMap((jail) => traces.get(jail) ?? []),
  );
  const removed = [...new Set([...gone, ...namesOf('odd')])];
  const standing = new Set(namesOf('set').filter((name) => !removed.includes(name)));
  const missing = rules
    .flatMap(({ jail }) => FAMILIES.map((family) => ({ name: SETS.name(jail, family), family })))
    .filter(({ name }) => !standing.has(name));
  return [
    ...[...new Set([...policies, ...namesOf('policy')])].map((name) =>
      permanent([`--delete-policy=${name}`]),
    ),
    ...removed.map((name) => permanent([`--delete-ipset=${name}`])),
    ...missing.map(({ name, family }) => newSet(name, family, setSize)),
    ...policies.map((policy) => newPolicy(policy, rulesOfPolicy(rules, policy))),
    command(['firewall-cmd', '--reload']),
  ];
}

function newSet(name: string, family: Family, setSize: number): Command {
  const options = ['2', 'family', family === 4 ? 'inet' : 'inet6', 'maxelem', `${setSize}`];
  const argv = ['addIPSet', 's(ssssa{ss}as)', name, '', '', '', 'hash:net', ...options, '0'];
  return command(['busctl', 'call', BUS, `${PATH}/config`, `${BUS}.config`, ...argv], { mayFail: true });
}

function newPolicy(name: string, rules: readonly string[]): Command {
  const egress = name === INPUT_POLICY ? 'HOST' : 'ANY';
  const zones = ['ingress_zones', 'as', '1', 'ANY', 'egress_zones', 'as', '1', egress];
  const rest = ['priority', 'i', '-100', 'target', 's', 'CONTINUE', 'rich_rules', 'as', `${rules.length}`];
  const argv = ['addPolicy', 'sa{sv}', name, '5', ...zones, ...rest, ...rules];
  return command(['busctl', 'call', '--', BUS, `${PATH}/config`, `${BUS}.config`, ...argv]);
}

function entryCommands(
  verb: 'add' | 'remove',
  entries: readonly BanEntry[],
  isNews: boolean,
): readonly Command[] {
  if (!isNews) return bulkCommands(verb, entries, true);
  if (entries.length > FEW) return bulkCommands(verb, entries, false);
  return entries.map((entry) => {
    const args = [`${verb}Entry`, 'ss', SETS.of(entry), entry.address];
    return command(['busctl', 'call', BUS, PATH, `${BUS}.ipset`, ...args]);
  });
}

/** `heals`: what firewalld remembers is set straight by the opposite first. */
function bulkCommands(
  verb: 'add' | 'remove',
  entries: readonly BanEntry[],
  heals: boolean,
): readonly Command[] {
  const groups = groupBy(entries, SETS.of);
  const opposite = verb === 'add' ? 'remove' : 'add';
  return [...groups].flatMap(([set, group]) => {
    const file = `${group.map((entry) => entry.address).join('\n')}\n`;
    const argvOf = (what: string) =>
      ['firewall-cmd', `--ipset=${set}`, `--${what}-entries-from-file=${FILE_ARGUMENT}`] as const;
    const first = heals ? [command(argvOf(opposite), { file, mayFail: true })] : [];
    return [...first, command(argvOf(verb), { file })];
  });
}

function readHeld(rules: readonly Rule[], outputs: readonly Output[]): Held {
  const kernel = readKernel(outputs);
  const [names, policies, input, forward] = outputs.slice(KERNEL.length);
  if (names?.exitCode !== 0) throw new MachineError('firewalld does not answer');
  const found = collectHeld(rules);
  // Without a rule the policies are strays.
  const owner = rules.length === 0 ? INPUT_POLICY : SHARED;
  for (const name of quoted(policies))
    if (/^f2b(?:-forward)?$/.test(name)) found.addTrace(owner, `policy ${name}`);
  const permanent = new Set(quoted(names));
  for (const name of new Set([...permanent, ...kernel.sets.keys()])) {
    const tag = SETS.parse(name)?.tag;
    if (tag === undefined) continue;
    const set = kernel.sets.get(name);
    if (permanent.has(name)) found.addTrace(tag, `set ${name}`);
    if (set?.isOdd || !permanent.has(name)) found.addTrace(tag, `odd ${name}`);
    const standing = found.entriesOf(tag);
    for (const address of set?.entries ?? []) standing.set(address, null);
  }
  const held = found.held(rules, [SHARED]);
  const isWhole =
    held.strays.size === 0 &&
    policyStands(rulesOfPolicy(rules, INPUT_POLICY), input) &&
    policyStands(rulesOfPolicy(rules, FORWARD_POLICY), forward) &&
    rules.every(
      (rule) => kernelStands(rule, kernel) && FAMILIES.every((f) => permanent.has(SETS.name(rule.jail, f))),
    );
  // Mending one jail takes a reload, after which every set is empty: then all are to be made anew.
  return isWhole ? held : { ...held, ready: new Set() };
}

function policyStands(wanted: readonly string[], output: Output | undefined): boolean {
  const standing = quoted(output).filter((text) => text.startsWith('rule '));
  return standing.length === wanted.length && wanted.every((rule) => standing.includes(rule));
}

/** The strings in busctl's answer. */
function quoted(output: Output | undefined): readonly string[] {
  if (output?.exitCode !== 0) return [];
  return [...output.stdout.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replace(/\\(.)/g, '$1'),
  );
}

function cut(rules: readonly Rule[], added: readonly BanEntry[]): readonly Command[] {
  assertCanonical(added);
  const byJail = new Map(rules.map((rule) => [rule.jail, rule]));
  return [...groupBy(added, (entry) => entry.jail)].flatMap(([jail, entries]) => {
    const rule = byJail.get(jail);
    if (rule === undefined) return [];
    const commands: Command[] = [];
    for (let i = 0; i < entries.length; i += CUT_AT_ONCE) {
      const sources = entries.slice(i, i + CUT_AT_ONCE).map(({ address }) => `dst ${bracketed(address)}`);
      const ports = (rule.ports ?? []).map(([first, last]) => `( sport >= :${first} and sport <= :${last} )`);
      const where = ports.length === 0 ? '' : ` and ( ${ports.join(' or ')} )`;
      commands.push(command(['ss', '-K', `( ${sources.join(' or ')} )${where}`], { mayFail: true }));
    }
    const isForwarded = policiesOf(rule).includes(FORWARD_POLICY);
    const forgotten = isForwarded ? entries.slice(0, 20) : [];
    return [
      ...commands,
      ...forgotten.map(({ address }) => command(['conntrack', '-D', '-s', address], { mayFail: true })),
    ];
  });
}

/** ss reads an IPv6 address with a prefix only in brackets. */
function bracketed(address: string): string {
  if (familyOf(address) === 4) return address;
  const [bare, prefix] = address.split('/');
  return prefix === undefined ? `[${bare}]` : `[${bare}]/${prefix}`;
}
