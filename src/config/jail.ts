/**
 * The types of a jail as configured, for every other room: where its lines come from, what is a failure, how many make a ban, and
 * what a ban does. Everything is parsed: durations are seconds, ports are numbers, an address is canonical. Nothing is compiled,
 * and nothing here is read a second time.
 *
 *     const { jails, problems } = loadConfig(tree);
 *     jails[0]?.bantime; // 600
 */
import type { Place } from '../base/errors.ts';
import type { Network } from '../base/ip.ts';
import type { PortRange } from '../base/ports.ts';
import type { Formula } from './formula.ts';

/** How names in place of addresses are treated, jail.conf(5) `usedns`. */
export type UseDns = 'yes' | 'warn' | 'no' | 'raw';

/** Where a jail's lines come from. `auto` is polling plus wake-ups by the kernel. */
export type Backend = 'polling' | 'auto' | 'systemd';

/** One line of `logpath`: a glob, and where a file that was never seen before is begun. */
export type LogPath = { readonly glob: string; readonly start: 'catchup' | 'head' | 'tail' };

/** A regex as the configuration spells it (Python syntax with tags already filled in), and where it stands. */
export type RegexSource = { readonly text: string; readonly place: Place };

/** A filter with every option filled in; nothing is compiled yet. */
export type FilterSource = {
  readonly name: string;
  readonly prefregex: RegexSource | null;
  readonly failregex: readonly RegexSource[];
  readonly ignoreregex: readonly RegexSource[];
  /** One template a line, in the order of trial; null = the default forms. Spelt as in the file, `%%` already `%`. */
  readonly datepattern: RegexSource | null;
  readonly maxlines: number;
  readonly journalmatch: readonly string[];
};

/** One action of a jail with every option filled in (`<tags>` that are static are replaced). */
export type ActionSource = {
  /** `actname`: the name the jail uses for it, unique within the jail. */
  readonly name: string;
  /** The file's name in action.d without `.conf`, such as `iptables-multiport`. */
  readonly type: string;
  readonly place: Place;
  /** [Init] and [Definition] options merged, static tags filled in as for IPv4: actionban, port, chain, ... */
  readonly options: ReadonlyMap<string, string>;
  /** The options whose value is another one for IPv6, because of `[Init?family=inet6]`. */
  readonly options6: ReadonlyMap<string, string>;
};

/** A firewall as a jail names it; `auto` is whichever is there: firewalld where it runs, nftables, ipset, iptables. */
export type FirewallChoice = 'nftables' | 'ipset' | 'iptables' | 'firewalld' | 'dummy' | 'auto';

/** What happens to a packet of a banned address. */
export type BlockKind = 'reject' | 'drop' | 'tcp-reset';

/** What an action blocks. */
export type BlockRule = {
  /** Ranges, sorted and without overlap; null = all ports. */
  readonly ports: readonly PortRange[] | null;
  /** Lower case; empty = every protocol. */
  readonly protocols: readonly string[];
  readonly chains: readonly string[];
  readonly block: BlockKind;
};

/** An action that only blocks, in a firewall that f2b drives itself. */
export type FirewallAction = ActionSource & {
  readonly kind: 'firewall';
  readonly firewall: FirewallChoice;
  readonly rule: BlockRule;
};

/** An action whose own commands are run. */
export type CommandAction = ActionSource & {
  readonly kind: 'command';
  /** Seconds that a command may take. */
  readonly timeout: number;
  /** `actionstart_on_demand`; null = it does not say. */
  readonly startOnDemand: boolean | null;
  /** Whether a ban that is restored after a restart is none of its business. */
  readonly norestored: boolean;
  readonly repairOnUnban: boolean;
};

/** What a jail does on a ban, planned. */
export type Action = FirewallAction | CommandAction;

/** Escalation of ban times, jail.conf(5) `bantime.*`. */
export type Increment = {
  readonly enabled: boolean;
  readonly factor: number;
  readonly formula: Formula | null;
  readonly multipliers: readonly number[];
  /** Seconds; null = no cap. */
  readonly maxtime: number | null;
  /** Seconds. */
  readonly rndtime: number;
  readonly overalljails: boolean;
};

/** `ignorecache` of jail.conf(5): what an answer is remembered by, how many, and for how many seconds. */
export type CacheRule = { readonly key: string; readonly maxCount: number; readonly maxTime: number };

/** Who is never banned. */
export type Ignore = {
  readonly self: boolean;
  readonly networks: readonly Network[];
  /** DNS names, lower-cased. */
  readonly names: readonly string[];
  /** Paths of `file:PATH` entries: one address or network a line. */
  readonly files: readonly string[];
  readonly command: string | null;
  /** How long answers of the command are remembered; null = not at all. */
  readonly cache: CacheRule | null;
};

/** `rollup = 5/24 20/48`: how many banned hosts make one banned network, by family; null = never in that family. */
export type Rollup = {
  readonly v4: { readonly hosts: number; readonly prefix: number } | null;
  readonly v6: { readonly hosts: number; readonly prefix: number } | null;
};

/** A jail as configured: filter + where to look + limits + what to do. Durations are seconds. */
export type Jail = {
  readonly name: string;
  readonly place: Place;
  readonly filter: FilterSource;
  readonly backend: Backend;
  readonly backendOptions: ReadonlyMap<string, string>;
  readonly logpath: readonly LogPath[];
  /** `auto` or an encoding's name. */
  readonly logencoding: string;
  /** Fixed offset (`UTC+0200`) or IANA name; null = local time. */
  readonly logtimezone: string | null;
  readonly usedns: UseDns;
  readonly maxretry: number;
  readonly findtime: number;
  /** Seconds; null = for ever (`-1`). */
  readonly bantime: number | null;
  readonly maxmatches: number;
  readonly increment: Increment;
  readonly ignore: Ignore;
  /** IPv6 failures are counted and banned by this prefix length; 128 = by address. */
  readonly ipv6prefix: number;
  /** Whether addresses are spared from which somebody is logged in by SSH. */
  readonly protectssh: boolean;
  /** Bans of this many hosts in a network of this prefix length become one ban of the network; null = never. */
  readonly rollup: Rollup | null;
  readonly actions: readonly Action[];
};
