/**
 * The contract of a firewall backend: what f2b asks of nftables, ipset, iptables and dummy.
 * A backend is pure: it turns rules and bans into argument vectors and outputs into facts, and runs nothing.
 *
 *     const [list] = nftables().list(rules);                 // nft -j list table inet f2b
 *     const held = nftables().readHeld(rules, [output], now); // which jails are ready, which addresses stand until when
 */
import type { Family } from '../base/ip.ts';
import type { PortRange } from '../base/ports.ts';
import type { Command, Output } from '../base/process.ts';
import type { BlockKind, FirewallChoice } from '../config/jail.ts';

/** The firewalls f2b knows; `dummy` only logs, and in `firewalld` stands only what an earlier version made. */
export type FirewallKind = Exclude<FirewallChoice, 'auto'>;

/** What one jail wants to stand in the firewall, beside the addresses: one rule (or one per family and port). */
export type Rule = {
  readonly jail: string;
  /** null = all ports. Names are already resolved to numbers. */
  readonly ports: readonly PortRange[] | null;
  /** Lower case: tcp, udp, icmp, ...; empty (or `all`) = every protocol, with ports: every one that has ports. */
  readonly protocols: readonly string[];
  /** iptables' chains, such as INPUT or DOCKER-USER; empty = INPUT. */
  readonly chains: readonly string[];
  /** `reject` is icmp-port-unreachable (icmp6 for IPv6). */
  readonly block: BlockKind;
};

/** One address or network (`a/b`), canonical, that a jail's rule is to block. `until`: epoch seconds, null = for ever. */
export type BanEntry = { readonly jail: string; readonly address: string; readonly until: number | null };

/** Names (or rules) of ours that stand in the firewall, by jail, in the backend's own words; needed to remove them. */
type Traces = ReadonlyMap<string, readonly string[]>;

/** Places that the firewall does not have, a family or a chain of one, by placeOf(); the reason in words. */
export type Absent = ReadonlyMap<string, string>;

/** The key of a chain of one family. */
export function placeOf(family: Family, chain: string): string {
  return `${family} ${chain}`;
}

/** What the kernel holds of ours. */
export type Held = {
  /** Jails whose rules and sets stand exactly as wanted, wherever the firewall has a place for them. */
  readonly ready: ReadonlySet<string>;
  /** Entries in our sets (or our per-address rules): jail -> address -> until (null = no kernel time-out). */
  readonly entries: ReadonlyMap<string, ReadonlyMap<string, number | null>>;
  /** Jails that we made rules or sets for earlier and that are no longer wanted; a hashed name stands for itself. */
  readonly strays: ReadonlySet<string>;
  readonly traces: Traces;
  readonly absent: Absent;
};

/** What the cheap look finds. */
export type Probe = {
  /** Jails that need repair, or a second look. */
  readonly damaged: ReadonlySet<string>;
  readonly absent: Absent;
};

/** What is to change. All of it travels in as few processes as the firewall allows. */
export type Difference = {
  /** Rules to be made anew (their sets too); entries of theirs come in `add`. */
  readonly setup: readonly Rule[];
  /** Entries to be added, or given a new time-out. */
  readonly add: readonly BanEntry[];
  readonly remove: readonly BanEntry[];
  /** Jails whose rules and sets are to go entirely. */
  readonly teardown: readonly string[];
  /** What stands of the jails in `setup` and `teardown` ; empty when nothing is known to stand. */
  readonly traces: Traces;
  /** Where nothing is to be set up. */
  readonly absent: Absent;
};

/**
 * One firewall, as pure functions from what is wanted to argument vectors and from output to facts.
 * Running them is the enforcer's job, so that `--dry-run` can print byte for byte what would run.
 * Everything of ours is removed by wanting no rules at all: every jail of ours is then a stray.
 */
export type Firewall = {
  readonly kind: FirewallKind;
  /** Programs that must be on PATH. */
  readonly programs: readonly string[];
  /** Whether the kernel ends a ban by itself when its time is up. */
  readonly hasTimeouts: boolean;
  /** Longest kernel time-out in seconds; longer bans are set to it and refreshed. */
  readonly maxTimeout: number;
  /** Whether exit code 0 of every command of a change proves that the kernel holds it. */
  readonly exitProves: boolean;
  /** Commands whose outputs, in order, `readHeld` understands. They change nothing. */
  list(rules: readonly Rule[]): readonly Command[];
  /**
   * Facts from the outputs of `list`; `now` in epoch seconds, to turn remaining time-outs into `until`.
   * Throws MachineError when an output that cannot be missed is missing.
   */
  readHeld(rules: readonly Rule[], outputs: readonly Output[], now: number): Held;
  /** Like list, but cheap at any number of bans: are rules and sets there, do the counts look right? */
  probe(rules: readonly Rule[]): readonly Command[];
  /**
   * Facts from the outputs of `probe`. `expected` = how many entries each jail should hold. Throws MachineError when the
   * firewall cannot be asked.
   */
  readProbe(
    rules: readonly Rule[],
    outputs: readonly Output[],
    expected: Pick<ReadonlyMap<string, number>, 'get'>,
  ): Probe;
  /**
   * The commands that make the change. `now` in epoch seconds, to turn `until` into time-outs.
   * Throws when an entry is not a canonical address or network: such a value never reaches a command.
   */
  change(rules: readonly Rule[], difference: Difference, now: number): readonly Command[];
  /** Whether there are packets behind it, so that the open connections of just-banned addresses are to be ended. */
  readonly hasPackets: boolean;
  /** What tells of changes; null = there is nothing to watch. */
  watch(): Watched | null;
};

/** A program that tells of changes, such as `nft monitor`, and which of its lines speak of what we stand on. */
export type Watched = {
  readonly command: Command;
  readonly concerns: RegExp;
  /** It tells of every change: no look is needed as long as it runs. */
  readonly isWhole: boolean;
};

/** The families of a list of entries, for the backends that keep one set for each. */
export const FAMILIES: readonly Family[] = [4, 6];

/** A difference in which nothing changes; spread it to name what does. */
export const NO_DIFFERENCE: Difference = {
  setup: [],
  add: [],
  remove: [],
  teardown: [],
  traces: new Map(),
  absent: new Map(),
};
