import type { Place } from '../base/errors.ts';
import { parsePorts, type Services } from '../base/ports.ts';
import type { Action, ActionSource, BlockKind, BlockRule, FirewallChoice } from './jail.ts';
import { type Read, readBoolean, readDuration } from './values.ts';

/**
 * The firewalls and the actions that only block in them: our own name, which needs no file in action.d, and
 * fail2ban's names. `programs` matches the programs that actionban of such an action runs; a file that runs
 * others is the user's own action with the same name.
 */
const KINDS: readonly (readonly [kind: FirewallChoice, names: string, programs: RegExp])[] = [
  [
    'iptables',
    'iptables iptables-new iptables-multiport iptables-allports',
    /^(?:<?ip6?tables>?|\/\S*\/ip6?tables)$/,
  ],
  [
    'ipset',
    'ipset iptables-ipset iptables-ipset-proto4 iptables-ipset-proto6 iptables-ipset-proto6-allports',
    /^(?:ipset|\/\S*\/ipset)$/,
  ],
  [
    'firewalld',
    'firewalld firewallcmd-ipset firewallcmd-rich-rules firewallcmd-rich-logging firewallcmd-multiport ' +
      'firewallcmd-allports firewallcmd-new firewallcmd-common',
    /^(?:firewall-cmd|ipset)$/,
  ],
  ['nftables', 'nftables nftables-multiport nftables-allports', /^(?:nft|\/\S*\/nft)$/],
  ['dummy', 'dummy', /^$/],
  ['auto', 'auto', /^$/],
];

/** All names that select one of our firewalls. */
export const FIREWALL_ACTIONS: readonly string[] = KINDS.flatMap(([, names]) => names.split(' '));

/** Options of a firewall action without a file in the tree: the defaults of fail2ban's own files. */
export const FIREWALL_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['name', 'default'],
  ['chain', 'INPUT'],
  ['port', '0:65535'],
  ['protocol', 'tcp'],
  ['blocktype', 'REJECT'],
]);

/** An action before planAction(). */
export type UnplannedAction = ActionSource & {
  /** True if a file that overrides the action (`.local`, `.d`) changes its commands for a ban. */
  readonly isCustom: boolean;
  /** The place of each option. */
  readonly places: ReadonlyMap<string, Place>;
};

/** Arguments of planAction(): the names of ports, and two ways to report a mistake. */
export type PlanParts = {
  readonly services: Services;
  /** Reports a word that cannot be used, with a hint how to write it. */
  refuse(word: string, text: string, hint: string): void;
  /** Reads an option's value; null, already reported, if it is invalid. */
  read<T>(key: string, value: string, read: Read<T>): T | null;
};

/** Default of an action's `timeout`, in seconds. */
const TIMEOUT = '60';

/**
 * Decides how an action is carried out. fail2ban's names for a firewall (`iptables-multiport`) use our own
 * backend, unless the file was changed into something else; `native=no` in the brackets selects its commands.
 */
export function planAction(unplanned: UnplannedAction, parts: PlanParts): Action {
  const { isCustom, places: _, ...source } = unplanned;
  const isOn = (key: string): boolean | null => {
    const value = source.options.get(key);
    return value === undefined ? null : parts.read(key, value, readBoolean);
  };
  const firewall = firewallOf(source, () => isCustom || isOn('native') === false);
  const rule = firewall === null ? null : ruleOf(source, parts);
  if (firewall !== null && rule !== null) return { ...source, kind: 'firewall', firewall, rule };
  const timeout = source.options.get('timeout') ?? TIMEOUT;
  return {
    ...source,
    kind: 'command',
    // A tag in the value is only known at the ban, and only used in the commands.
    timeout: parts.read('timeout', timeout.includes('<') ? TIMEOUT : timeout, readDuration) ?? 0,
    startOnDemand: isOn('actionstart_on_demand'),
    norestored: isOn('norestored') ?? false,
    repairOnUnban: isOn('actionrepair_on_unban') ?? false,
  };
}

/** Whether the action has commands. */
export function hasCommands({ options }: ActionSource): boolean {
  return ['actionban', 'actionstart'].some((key) => (options.get(key) ?? '') !== '');
}

function firewallOf(action: ActionSource, isRefused: () => boolean): FirewallChoice | null {
  const found = KINDS.find(([, names]) => names.split(' ').includes(action.type));
  if (found === undefined) return null;
  const [kind, , programs] = found;
  if (!action.options.has('actionban') && !action.options.has('actionstart')) return kind;
  if (isRefused()) return null;
  const ban = action.options.get('actionban') ?? '';
  return ban !== '' && commandWords(ban).every((word) => programs.test(word)) ? kind : null;
}

/**
 * The first words of all commands in a shell text, without loops, assignments and helper commands of the
 * stock loops.
 */
function commandWords(shell: string): string[] {
  const commands = shell.replace(/"[^"]*"|'[^']*'/g, '""').split(/\n|;|&&|\|\|?|\$\(|\)/);
  const firsts = commands.map(
    (text) =>
      text
        .trim()
        .replace(/^(?:\{|then|do)\s+/, '')
        .split(/\s+/)[0] ?? '',
  );
  return firsts.filter((word) => !/^(?:for|done|do|echo|tr|sed|\{|\}|\w+=.*|"*)$/.test(word));
}

/** Null if the block type is not one of ours. */
function ruleOf(action: ActionSource, { services, refuse }: PlanParts): BlockRule | null {
  const option = (key: string): string => action.options.get(key)?.trim() ?? '';
  const isRich = action.type.startsWith('firewallcmd-rich');
  const blocktype = option(isRich ? 'rich-blocktype' : 'blocktype');
  const block = readBlock(blocktype);
  if (block === null) {
    if (!hasCommands(action))
      refuse(blocktype, `cannot use "${blocktype}" as blocktype`, 'write REJECT, DROP or tcp-reset');
    return null;
  }
  const isAll =
    /allports/.test(action.type) ||
    option('type') === 'allports' ||
    /^(?:-p\s+\S+|<allports>)$/.test(option('actiontype'));
  const { ranges, bad } = isAll ? { ranges: null, bad: [] } : parsePorts(option('port'), services);
  for (const word of bad) {
    const hint = 'write a number from 1 to 65535, a range such as 80:90, or a service of /etc/services';
    refuse(word, `cannot read "${word}" as a port`, hint);
  }
  const protocols = words(option('protocol').toLowerCase());
  for (const word of protocols)
    if (!/^(?:[a-z][a-z0-9-]*|\d{1,3})$/.test(word))
      refuse(word, `cannot read "${word}" as a protocol`, 'write tcp or udp');
  // These are the names of fail2ban's own chains in nftables and firewalld, not of the host's chains.
  const chains = words(option('chain')).filter((chain) => !/^(?:f2b-chain|INPUT_direct|<.*>)$/.test(chain));
  for (const word of chains)
    if (!/^[A-Za-z0-9_][\w.+:-]{0,28}$/.test(word))
      refuse(word, `cannot use "${word}" as a chain`, 'write INPUT or DOCKER-USER');
  return {
    ports: ranges,
    protocols: protocols.includes('all') || protocols.includes('any') ? [] : protocols,
    chains: chains.length === 0 ? ['INPUT'] : chains,
    block,
  };
}

function words(list: string): string[] {
  return list.split(/[\s,]+/).filter((word) => word !== '');
}

/**
 * Reads `REJECT`, `REJECT --reject-with X`, `DROP`, `reject with tcp reset`, `tcp-reset`; null for other
 * text.
 */
export function readBlock(blocktype: string): BlockKind | null {
  const text = blocktype.trim().toLowerCase();
  if (/^drop$/.test(text)) return 'drop';
  if (/^(?:reject\b.*)?\btcp[- ]reset["']?$/.test(text)) return 'tcp-reset';
  return text === '' || /^reject\b/.test(text) ? 'reject' : null;
}
