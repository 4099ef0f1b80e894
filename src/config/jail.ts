/**
 * The types of a configured jail: where its lines come from, what a failure is, how many lead to a ban, and
 * what a ban does.
 *
 * Everything is parsed: durations are seconds, ports are numbers, addresses are canonical. Regexes are not
 * compiled yet. No other room parses a value again.
 *
 *     const { jails, problems } = loadConfig(tree);
 *     jails[0]?.bantime; // 600
 */
import type { Place } from '../base/errors.ts';
import type { Network } from '../base/ip.ts';
import type { PortRange } from '../base/ports.ts';
import type { Formula } from './formula.ts';

/** How to treat names in place of addresses, jail.conf(5) `usedns`. */
export type UseDns = 'yes' | 'warn' | 'no' | 'raw';

/** Where a jail's lines come from. `auto`: polling, with wake-ups from the kernel. */
export type Backend = 'polling' | 'auto' | 'systemd';

/** One line of `logpath`: a glob, and where to begin in a file that f2b has not seen before. */
export type LogPath = { readonly glob: string; readonly start: 'catchup' | 'head' | 'tail' };

/** A regex as configured (Python syntax with tags replaced), and its place. */
export type RegexSource = { readonly text: string; readonly place: Place };

/** A filter with all options filled in, not compiled. */
export type FilterSource = {
  readonly name: string;
  readonly prefregex: RegexSource | null;
  readonly failregex: readonly RegexSource[];
  readonly ignoreregex: readonly RegexSource[];
  /**
   * One template per line, in order of trial; null = the default forms. As in the file, with `%%` already
   * replaced by `%`.
   */
  readonly datepattern: RegexSource | null;
  readonly maxlines: number;
  readonly journalmatch: readonly string[];
  /** The wrappings that lines can have (filter/wrapping.ts), and a regex of the program's names in them. */
  readonly wrapping?: RegexSource | null;
  readonly program?: RegexSource | null;
};

/** An action of a jail with all options filled in and static `<tags>` replaced. */
export type ActionSource = {
  /** `actname`: unique within the jail. */
  readonly name: string;
  /** The file name in action.d without `.conf`, such as `iptables-multiport`. */
  readonly type: string;
  readonly place: Place;
  /** [Init] and [Definition] merged, static tags replaced as for IPv4: actionban, port, chain, ... */
  readonly options: ReadonlyMap<string, string>;
  /** The options with another value for IPv6, from `[Init?family=inet6]`. */
  readonly options6: ReadonlyMap<string, string>;
};

/**
 * A firewall as named in a jail. `auto` is the first of these: firewalld if it runs, nftables, ipset,
 * iptables.
 */
export type FirewallChoice = 'nftables' | 'ipset' | 'iptables' | 'firewalld' | 'dummy' | 'auto';

/** What happens to a packet of a banned address. */
export type BlockKind = 'reject' | 'drop' | 'tcp-reset';

/** What an action blocks, and how. */
export type BlockRule = {
  /** Sorted ranges without overlap; null = all ports. */
  readonly ports: readonly PortRange[] | null;
  /** Lower case; empty = all protocols. */
  readonly protocols: readonly string[];
  readonly chains: readonly string[];
  readonly block: BlockKind;
};

/** An action that only blocks, in a firewall that f2b controls itself. */
export type FirewallAction = ActionSource & {
  readonly kind: 'firewall';
  readonly firewall: FirewallChoice;
  readonly rule: BlockRule;
};

/** An action with its own commands. */
export type CommandAction = ActionSource & {
  readonly kind: 'command';
  /** Seconds that a command may take. */
  readonly timeout: number;
  /** `actionstart_on_demand`; null = not set. */
  readonly startOnDemand: boolean | null;
  /** Whether the action skips bans that are restored after a restart. */
  readonly norestored: boolean;
  readonly repairOnUnban: boolean;
};

/** A planned action of a jail. */
export type Action = FirewallAction | CommandAction;

/** Increasing ban times, jail.conf(5) `bantime.*`. */
export type Increment = {
  readonly enabled: boolean;
  readonly factor: number;
  readonly formula: Formula | null;
  readonly multipliers: readonly number[];
  /** Seconds; null = no limit. */
  readonly maxtime: number | null;
  /** Seconds. */
  readonly rndtime: number;
  readonly overalljails: boolean;
};

/**
 * `ignorecache` of jail.conf(5): the key of an answer, how many answers are kept, and for how many seconds.
 */
export type CacheRule = { readonly key: string; readonly maxCount: number; readonly maxTime: number };

/** Addresses that are never banned. */
export type Ignore = {
  readonly self: boolean;
  readonly networks: readonly Network[];
  /** DNS names, lower-cased. */
  readonly names: readonly string[];
  /** Paths of `file:PATH` entries: one address or network per line. */
  readonly files: readonly string[];
  readonly command: string | null;
  /** How long the command's answers are cached; null = they are not. */
  readonly cache: CacheRule | null;
};

/** `rollup = 5/24 20/48`: by family, how many banned hosts become one banned network; null = never. */
export type Rollup = {
  readonly v4: { readonly hosts: number; readonly prefix: number } | null;
  readonly v6: { readonly hosts: number; readonly prefix: number } | null;
};

/** A configured jail. Durations are seconds. */
export type Jail = {
  readonly name: string;
  readonly place: Place;
  readonly filter: FilterSource;
  readonly backend: Backend;
  readonly backendOptions: ReadonlyMap<string, string>;
  /** Whether a jail of `auto` may read the journal if no log file exists. */
  readonly journalInstead: boolean;
  readonly logpath: readonly LogPath[];
  /** `auto` or the name of an encoding. */
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
  /** Whether addresses with an SSH login are never banned. */
  readonly protectssh: boolean;
  /** Most bans that the jail's log makes at a time; bans by hand are not counted. */
  readonly maxbans: number;
  /** When bans of hosts become one ban of their network; null = never. */
  readonly rollup: Rollup | null;
  readonly actions: readonly Action[];
};
