/**
 * Makes a firewall hold exactly the wanted bans, and says of each whether the kernel confirmed it.
 * Never rejects for what the firewall does: a ban that does not stand is pending, with the reason. Jobs on one
 * firewall must not overlap; nothing of others is touched.
 *
 *     const { enforced, pending } = await reconcile({ firewall: nftables(), rules, run }, bans, now);
 */
import { reasonOf } from '../base/errors.ts';
import { familyOf } from '../base/ip.ts';
import { type Command, failureOf, type Output } from '../base/process.ts';
import { apply, applyInParts, type FirewallJob, isHopeless, keyOf } from './apply.ts';
import {
  type Absent,
  type BanEntry,
  type Difference,
  type Held,
  NO_DIFFERENCE,
  type Probe,
  type Rule,
} from './backend.ts';
import { ConnectionCutter } from './connections.ts';
import { difference, isNothing } from './difference.ts';
import { isCanonical, jailsOf, whyAbsent } from './match.ts';

export type { FirewallJob, RunProgram } from './apply.ts';

/** What stands and what does not. The entries are the caller's own objects. */
export type Enforcement = {
  /** Entries that the kernel confirmed. */
  readonly enforced: readonly BanEntry[];
  /** Entries that it did not, and the plain reason. */
  readonly pending: readonly { readonly entry: BanEntry; readonly reason: string }[];
  /** What was changed to get there. */
  readonly repaired: {
    /** Jails whose rules and sets were made anew. */
    readonly jails: readonly string[];
    readonly added: number;
    readonly removed: number;
    /** Jails whose leftovers were removed. */
    readonly strays: readonly string[];
  };
  /** What failed on the way, each message once; may concern a rule of which no entry is pending. */
  readonly trouble: readonly string[];
  /** What the firewall has no place for, each reason once; the bans of that place are pending. */
  readonly absent: readonly string[];
  /** Whether the rules of every jail stand, whatever became of its bans. */
  readonly isSetUp: boolean;
};

/** Entries that were just decided, and how to get the whole wanted state if more than they has to be set right. */
export type News = {
  readonly add: readonly BanEntry[];
  readonly remove: readonly BanEntry[];
  /** Every wanted entry, those of `add` among them and those of `remove` not. */
  wanted(): readonly BanEntry[] | Promise<readonly BanEntry[]>;
  /**
   * Runs the full comparison, should it come to that, under the lock of the state; not given = the caller
   * holds it.
   */
  alone?(work: () => Promise<Enforcement>): Promise<Enforcement>;
};

const NOT_TAKEN = 'the firewall did not take it';
const RETRIES = 60;
/** How long a command goes on ending connections, in milliseconds. */
const CUT_MS = 3000;

/**
 * Brings the firewall to exactly `rules` and `wanted` (expired entries are not wanted) and looks again whether it
 * is there. Never rejects for what the firewall does: whatever is not confirmed is pending with the reason.
 */
export async function reconcile(
  job: FirewallJob,
  wanted: readonly BanEntry[],
  now: number,
): Promise<Enforcement> {
  const live = wanted.filter((entry) => entry.until === null || entry.until > now);
  const sane = live.filter((entry) => isCanonical(entry.address));
  if (job.firewall.kind === 'dummy') return confirmAll(live);
  const before = await askHeld(job, now);
  if (typeof before === 'string')
    return outcomeOf(job, live, { held: null, trouble: new Map(), general: before });
  const change = difference(job.firewall, job.rules, sane, { held: before, now });
  if (isNothing(change)) return outcomeOf(job, live, { held: before, trouble: new Map(), general: null });
  let general = await apply(job, change, now);
  if (general !== null && isHopeless(general)) {
    return outcomeOf(job, live, { held: before, trouble: new Map(), general });
  }
  let after = await askHeld(job, now);
  const trouble = new Map<string, string>();
  if (typeof after !== 'string') {
    const rest = difference(job.firewall, job.rules, sane, { held: after, now });
    if (!isNothing(rest)) {
      await applyInParts(job, rest, { now, trouble, left: { runs: RETRIES }, full: new Map() });
      after = await askHeld(job, now);
    }
  }
  if (typeof after === 'string') return outcomeOf(job, live, { held: null, trouble, general: after });
  if (isNothing(difference(job.firewall, job.rules, sane, { held: after, now }))) general = null;
  await cutConnections(job, change.add, after);
  return { ...outcomeOf(job, live, { held: after, trouble, general }), repaired: repairOf(change) };
}

/**
 * The short way for what was just decided: one change, confirmed by the firewall's own answer (and by a cheap probe that
 * the rules still stand), and no listing of all that is held. Falls back to `reconcile` on any doubt.
 */
export async function enforceNow(job: FirewallJob, news: News, now: number): Promise<Enforcement> {
  const { firewall, rules } = job;
  const add = news.add.filter((entry) => entry.until === null || entry.until > now);
  const all = [...add, ...news.remove];
  const compare = async () => reconcile(job, await news.wanted(), now);
  const inFull = () => news.alone?.(compare) ?? compare();
  if (firewall.kind === 'dummy') return confirmAll(add);
  const isPlain = all.every((entry) => isCanonical(entry.address)) && news.add.length === add.length;
  if (!isPlain || rules.length === 0) return inFull();
  const change = { ...NO_DIFFERENCE, add, remove: news.remove };
  const reason = await apply(job, change, now);
  if (reason !== null) return inFull();
  if (!(await areConfirmed(job, change, now))) return inFull();
  await cutConnections(job, add, null);
  return { ...confirmAll(add), repaired: repairOf(change) };
}

/** Removes every rule, set and entry of ours, whatever jail made it, and nothing else; then looks that they are gone. */
export async function flush(job: FirewallJob, now: number): Promise<Enforcement> {
  return reconcile({ ...job, rules: [] }, [], now);
}

/**
 * Which jails' rules or bans are damaged, seen cheaply; reconcile then. `expected` = entries of each jail. Answers the
 * reason as text when the firewall could not be asked.
 */
export async function findDamage(
  job: FirewallJob,
  expected: Pick<ReadonlyMap<string, number>, 'get'>,
): Promise<Probe | string> {
  const commands = job.firewall.probe(job.rules);
  const outputs = await runAll(job, commands);
  if (typeof outputs === 'string') return outputs;
  try {
    return job.firewall.readProbe(job.rules, outputs, expected);
  } catch (error) {
    return reasonOf(error);
  }
}

/** The commands that `enforceNow` would run for these entries: for `--dry-run`. */
export function planNow(
  job: Pick<FirewallJob, 'firewall' | 'rules'>,
  add: readonly BanEntry[],
  remove: readonly BanEntry[],
  now: number,
): readonly Command[] {
  const { firewall, rules } = job;
  return firewall.change(rules, { ...NO_DIFFERENCE, add, remove }, now);
}

/** There is nothing behind `dummy` that could refuse or confirm. */
function confirmAll(entries: readonly BanEntry[]): Enforcement {
  const repaired = repairOf(NO_DIFFERENCE);
  return { enforced: entries, pending: [], repaired, trouble: [], absent: [], isSetUp: true };
}

async function areConfirmed(job: FirewallJob, change: Difference, now: number): Promise<boolean> {
  const touched = new Set([...change.add, ...change.remove].map((entry) => entry.jail));
  if (job.firewall.exitProves) {
    const probe = await findDamage(job, new Map());
    if (typeof probe === 'string' || [...touched].some((jail) => probe.damaged.has(jail))) return false;
    const why = absenceIn(job.rules, probe.absent);
    return change.add.every((entry) => why(entry) === null);
  }
  const held = await askHeld(job, now);
  if (typeof held === 'string') return false;
  const isHeld = ({ jail, address }: BanEntry): boolean => held.entries.get(jail)?.has(address) ?? false;
  return (
    change.add.every(isHeld) &&
    !change.remove.some(isHeld) &&
    [...touched].every((jail) => held.ready.has(jail))
  );
}

/** What the kernel holds of ours, or why it cannot be asked. Changes nothing. */
export async function askHeld(job: FirewallJob, now: number): Promise<Held | string> {
  const outputs = await runAll(job, job.firewall.list(job.rules));
  if (typeof outputs === 'string') return outputs;
  try {
    return job.firewall.readHeld(job.rules, outputs, now);
  } catch (error) {
    return reasonOf(error);
  }
}

/** The outputs in order, or why a program could not be run (one that is missing but may fail counts as its answer). */
async function runAll(job: FirewallJob, commands: readonly Command[]): Promise<readonly Output[] | string> {
  const outputs: Output[] = [];
  for (const command of commands) {
    const output = await job.run(command);
    const reason = failureOf(command, output);
    const isOptional = command.mayFail && (output.trouble === null || output.trouble === 'ENOENT');
    if (reason !== null && !isOptional) return reason;
    outputs.push(output);
  }
  return outputs;
}

/** Tells of an entry why the firewall has no place for it; null when it has one. */
function absenceIn(rules: readonly Rule[], absent: Absent): (entry: BanEntry) => string | null {
  if (absent.size === 0) return () => null;
  const byJail = new Map(rules.map((rule) => [rule.jail, rule]));
  return ({ jail, address }) => {
    const rule = byJail.get(jail);
    return rule === undefined ? null : whyAbsent(rule, familyOf(address), absent);
  };
}

/** Has the open connections of those ended that stand (`held` null = all of them), in the background where a daemon runs. */
async function cutConnections(
  job: FirewallJob,
  added: readonly BanEntry[],
  held: Held | null,
): Promise<void> {
  if (!job.firewall.hasPackets) return;
  const standing = added.filter(
    ({ jail, address }) => held === null || held.entries.get(jail)?.has(address) === true,
  );
  if (standing.length === 0) return;
  if (job.cutter !== undefined) job.cutter.add(standing);
  else {
    const cutter = new ConnectionCutter({ ...job, isWanted: () => true });
    cutter.add(standing);
    await cutter.idle(CUT_MS);
    cutter.stop();
  }
}

function repairOf(change: Difference): Enforcement['repaired'] {
  const { setup, add, remove, teardown } = change;
  return {
    jails: setup.map((rule) => rule.jail),
    added: add.length,
    removed: remove.length,
    strays: teardown,
  };
}

type JobOutcome = {
  readonly held: Held | null;
  readonly trouble: ReadonlyMap<string, string>;
  readonly general: string | null;
};

function outcomeOf(
  job: FirewallJob,
  live: readonly BanEntry[],
  { held, trouble, general }: JobOutcome,
): Enforcement {
  const ruled = jailsOf(job.rules);
  const whyNot = absenceIn(job.rules, held?.absent ?? new Map());
  const isHeld = ({ jail, address }: BanEntry): boolean =>
    held?.ready.has(jail) === true && held.entries.get(jail)?.has(address) === true;
  const reasonFor = (entry: BanEntry): string => {
    if (!isCanonical(entry.address)) return 'not an address or network';
    if (!ruled.has(entry.jail)) return 'no rule for its jail';
    return whyNot(entry) ?? trouble.get(keyOf(entry)) ?? trouble.get(entry.jail) ?? general ?? NOT_TAKEN;
  };
  const enforced: BanEntry[] = [];
  const pending: { entry: BanEntry; reason: string }[] = [];
  for (const entry of live) {
    if (isHeld(entry) && whyNot(entry) === null) enforced.push(entry);
    else pending.push({ entry, reason: reasonFor(entry) });
  }
  const said = new Set([...(general === null ? [] : [general]), ...trouble.values()]);
  return {
    enforced,
    pending,
    repaired: repairOf(NO_DIFFERENCE),
    trouble: [...said].slice(0, 20),
    absent: [...new Set(held?.absent.values())],
    isSetUp: held !== null && [...ruled].every((jail) => held.ready.has(jail)),
  };
}
