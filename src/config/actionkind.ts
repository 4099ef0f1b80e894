import { type PortRange, parsePorts, type Services } from '../base/ports.ts';
import type { ActionSource } from './jail.ts';

/** A firewall as a jail names it; `auto` is whichever is there: firewalld where it runs, nftables, ipset, iptables. */
export type FirewallChoice = 'nftables' | 'ipset' | 'iptables' | 'firewalld' | 'dummy' | 'auto';

/** What happens to a packet of a banned address. */
export type BlockKind = 'reject' | 'drop' | 'tcp-reset';

/** What an action wants of the firewall, still as the configuration spells it. */
export type RuleWish = {
  /** Numbers, names and ranges; null = all ports. */
  readonly ports: string | null;
  /** Lower case; empty = every protocol. */
  readonly protocols: readonly string[];
  readonly chains: readonly string[];
  readonly block: BlockKind;
};

/** How an action is carried out: by a firewall that f2b drives itself, or by the commands of its file. */
export type ActionPlan =
  | { readonly kind: 'firewall'; readonly firewall: FirewallChoice; readonly rule: RuleWish }
  | { readonly kind: 'command' };

/** Our own names, which need no file in action.d. */
const OWN: ReadonlyMap<string, FirewallChoice> = new Map(
  (['auto', 'nftables', 'ipset', 'iptables', 'firewalld', 'dummy'] as const).map((name) => [name, name]),
);

/** fail2ban's names of the actions that do no more than block in a firewall. */
const STOCK: ReadonlyMap<string, FirewallChoice> = new Map(
  (
    [
      ['iptables', 'iptables iptables-new iptables-multiport iptables-allports'],
      ['ipset', 'iptables-ipset iptables-ipset-proto4 iptables-ipset-proto6 iptables-ipset-proto6-allports'],
      [
        'firewalld',
        'firewallcmd-ipset firewallcmd-rich-rules firewallcmd-rich-logging firewallcmd-multiport',
      ],
      ['firewalld', 'firewallcmd-allports firewallcmd-new firewallcmd-common'],
      ['nftables', 'nftables nftables-multiport nftables-allports'],
    ] as const
  ).flatMap(([kind, names]) => names.split(' ').map((name): [string, FirewallChoice] => [name, kind])),
);

/** Every name that selects a firewall of ours. */
export const FIREWALL_ACTIONS: readonly string[] = [...new Set([...OWN.keys(), ...STOCK.keys()])];

/** The options of a firewall action for which the tree has no file: what fail2ban's own files begin with. */
export const FIREWALL_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['name', 'default'],
  ['chain', 'INPUT'],
  ['port', '0:65535'],
  ['protocol', 'tcp'],
  ['blocktype', 'REJECT'],
]);

/** The commands in which a stock action differs from a user's own under the same name. */
const PROGRAMS: ReadonlyMap<FirewallChoice, RegExp> = new Map([
  ['iptables', /^(?:<?ip6?tables>?|\/\S*\/ip6?tables)$/],
  ['ipset', /^(?:ipset|\/\S*\/ipset)$/],
  ['firewalld', /^(?:firewall-cmd|ipset)$/],
  ['nftables', /^(?:nft|\/\S*\/nft)$/],
]);

/**
 * How an action is carried out. A name of fail2ban's that stands for a firewall (`iptables-multiport`) is done by our own
 * driver, unless its file was changed into something else; `native=no` in its brackets asks for its commands.
 */
export function planAction(action: ActionSource): ActionPlan {
  const firewall = firewallOf(action);
  const rule = firewall === null ? null : ruleOf(action);
  return firewall === null || rule === null ? { kind: 'command' } : { kind: 'firewall', firewall, rule };
}

function firewallOf(action: ActionSource): FirewallChoice | null {
  const choice = STOCK.get(action.type) ?? OWN.get(action.type) ?? null;
  const hasFile = action.options.has('actionban') || action.options.has('actionstart');
  if (choice === null || !hasFile) return choice;
  if (action.isCustom || /^(?:no|false|off|0)$/i.test(action.options.get('native') ?? '')) return null;
  const program = PROGRAMS.get(choice);
  const ban = action.options.get('actionban') ?? '';
  return program !== undefined && ban !== '' && commandWords(ban).every((word) => program.test(word))
    ? choice
    : null;
}

/** The first words of all commands in a shell text, loop words, assignments and the stock loops' helpers apart. */
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

/** null when the block type is none of ours. */
function ruleOf(action: ActionSource): RuleWish | null {
  const option = (key: string): string => action.options.get(key)?.trim() ?? '';
  const isRich = action.type.startsWith('firewallcmd-rich');
  const block = readBlock(option(isRich ? 'rich-blocktype' : 'blocktype'));
  if (block === null) return null;
  const isAll =
    /allports/.test(action.type) ||
    option('type') === 'allports' ||
    /^(?:-p\s+\S+|<allports>)$/.test(option('actiontype'));
  const protocols = words(option('protocol').toLowerCase());
  // These are the names of fail2ban's own chains in nftables and firewalld, not of ones that exist on the host.
  const chains = words(option('chain')).filter((chain) => !/^(?:f2b-chain|INPUT_direct|<.*>)$/.test(chain));
  return {
    ports: isAll ? null : option('port'),
    protocols: protocols.includes('all') || protocols.includes('any') ? [] : protocols,
    chains: chains.length === 0 ? ['INPUT'] : chains,
    block,
  };
}

function words(list: string): string[] {
  return list.split(/[\s,]+/).filter((word) => word !== '');
}

/** `REJECT`, `REJECT --reject-with X`, `DROP`, `reject with tcp reset`, `tcp-reset`; null for anything else. */
export function readBlock(blocktype: string): BlockKind | null {
  const text = blocktype.trim().toLowerCase();
  if (/^drop$/.test(text)) return 'drop';
  if (/^(?:reject\b.*)?\btcp[- ]reset["']?$/.test(text)) return 'tcp-reset';
  return text === '' || /^reject\b/.test(text) ? 'reject' : null;
}

/** The port ranges of a wish (null = all), and the words in it that are no ports. */
export function wishedPorts(
  rule: RuleWish,
  services: Services,
): { readonly ranges: readonly PortRange[] | null; readonly bad: readonly string[] } {
  return rule.ports === null ? { ranges: null, bad: [] } : parsePorts(rule.ports, services);
}
