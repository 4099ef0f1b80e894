import type { Family } from '../ip.ts';

/** The firewalls f2b can drive; `dummy` only logs. */
export type FirewallKind = 'nftables' | 'ipset' | 'iptables' | 'firewalld' | 'dummy';

/** First and last port, inclusive; a single port has both alike. */
export type PortRange = readonly [first: number, last: number];

/** What happens to a packet of a banned address. `reject` is icmp-port-unreachable (icmp6 for IPv6). */
export type Block = 'reject' | 'drop' | 'tcp-reset';

/** What one jail wants to stand in the firewall, beside the addresses: one rule (or one per family and port). */
export type Rule = {
  readonly jail: string;
  /** null = all ports. Names are already resolved to numbers. */
  readonly ports: readonly PortRange[] | null;
  /** Lower case: tcp, udp, ...; empty = every protocol. */
  readonly protocols: readonly string[];
  /** iptables' chains, such as INPUT or DOCKER-USER. */
  readonly chains: readonly string[];
  readonly block: Block;
};

/** One address or network (`a/b`), canonical, that a jail's rule is to block. `until`: epoch seconds, null = for ever. */
export type Entry = { readonly jail: string; readonly address: string; readonly until: number | null };

/** One program to run: an argument vector, never a shell line. */
export type Command = {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly stdin: string | null;
  /** When true a non-zero exit is no failure of the job (a delete of what may be gone, `ss -K`). */
  readonly mayFail: boolean;
};

/** What a program answered. `exitCode` is null when it was killed or could not be started. */
export type Output = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not run to its end: `timed out after 30 s`, `ENOENT`, ...; null when it did. */
  readonly trouble: string | null;
};

/** What the kernel holds of ours. */
export type Held = {
  /** Jails whose rules and sets stand exactly as wanted, for every family. */
  readonly ready: ReadonlySet<string>;
  /** Entries in our sets (or our per-address rules): jail -> address -> until (null = no kernel time-out). */
  readonly entries: ReadonlyMap<string, ReadonlyMap<string, number | null>>;
  /** Jails that we made rules or sets for earlier and that are no longer wanted. */
  readonly strays: ReadonlySet<string>;
};

/** What is to change. All of it travels in as few processes as the firewall allows. */
export type Difference = {
  /** Rules to be made anew (their sets too); entries of theirs come in `add`. */
  readonly setup: readonly Rule[];
  readonly add: readonly Entry[];
  readonly remove: readonly Entry[];
  /** Jails whose rules and sets are to go entirely. */
  readonly teardown: readonly string[];
};

/**
 * One firewall, as pure functions from what is wanted to argument vectors and from output to facts.
 * Running them is the enforcer's job, so that `--dry-run` can print byte for byte what would run.
 */
export type Firewall = {
  readonly kind: FirewallKind;
  /** Programs that must be on PATH. */
  readonly programs: readonly string[];
  /** Whether the kernel ends a ban by itself when its time is up. */
  readonly hasTimeouts: boolean;
  /** Longest kernel time-out in seconds; longer bans are set to it and refreshed. */
  readonly maxTimeout: number;
  /** Commands whose outputs, in order, `readHeld` understands. They change nothing. */
  list(rules: readonly Rule[]): readonly Command[];
  /** `now` in epoch seconds, to turn remaining time-outs into `until`. */
  readHeld(rules: readonly Rule[], outputs: readonly Output[], now: number): Held;
  /** Like list, but cheap at any number of bans: are rules and sets there, do the counts look right? */
  probe(rules: readonly Rule[]): readonly Command[];
  /** Jails that need repair, seen by the probe. `expected` = how many entries each jail should hold. */
  readProbe(
    rules: readonly Rule[],
    outputs: readonly Output[],
    expected: ReadonlyMap<string, number>,
  ): ReadonlySet<string>;
  /** The commands that make the change. `now` in epoch seconds, to turn `until` into time-outs. */
  change(rules: readonly Rule[], difference: Difference, now: number): readonly Command[];
  /** Commands that cut the open connections of just-banned addresses; empty when `change` already does. */
  cut(rules: readonly Rule[], added: readonly Entry[]): readonly Command[];
  /** Removes everything of ours and nothing else, whatever jails made it. */
  flush(rules: readonly Rule[], held: Held): readonly Command[];
};

/** The families of a list of entries, for the backends that keep one set for each. */
export const FAMILIES: readonly Family[] = [4, 6];
