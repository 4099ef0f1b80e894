/**
 * Makes a firewall hold exactly the wanted bans, and says of each whether the kernel confirmed it.
 * Never rejects for what the firewall does: a ban that does not stand is pending, with the reason. Jobs on one
 * firewall must not overlap; nothing of others is touched.
 *
 *     const { enforced, pending } = await reconcile({ firewall: nftables(), rules, run }, bans, now);
 */
import { reasonOf } from '../base/errors.ts';
import { type Command, failureOf, type Output } from '../base/process.ts';
import { apply, applyInParts, type FirewallJob, isHopeless, keyOf } from './apply.ts';
import { type BanEntry, type Difference, type Held, NO_DIFFERENCE } from './backend.ts';
import { coverOf, difference, isNothing } from './difference.ts';
import { isCanonical, jailsOf } from './match.ts';

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
  /** What was taken from others to get there. */
  readonly warning?: string;
};

/** Entries that were just decided, and how to get the whole wanted state if more than they has to be set right. */
export type News = {
  readonly add: readonly BanEntry[];
  readonly remove: readonly BanEntry[];
  /** Every wanted entry, those of `add` among them and those of `remove` not. */
  wanted(): readonly BanEntry[];
  /**
   * Runs the full comparison, should it come to that, under the lock of the state; not given = the caller
   * holds it.
   */
  alone?(work: () => Promise<Enforcement>): Promise<Enforcement>;
};

const NOT_TAKEN = 'the firewall did not take it';
const RETRIES = 60;

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
  const loss = change.setup.length + change.teardown.length > 0 ? await lossOf(job) : null;
  let general = await apply(job, { ...change, isNews: true }, now);
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
  const warning = loss === null ? {} : { warning: loss };
  return {
    ...outcomeOf(job, live, { held: after, trouble, general }),
    repaired: repairOf(change),
    ...warning,
  };
}

/**
 * The short way for what was just decided: one change, confirmed by the firewall's own answer (and by a cheap probe that
 * the rules still stand), and no listing of all that is held. Falls back to `reconcile` on any doubt.
 */
export async function enforceNow(job: FirewallJob, news: News, now: number): Promise<Enforcement> {
  const { firewall, rules, run } = job;
  const add = news.add.filter((entry) => entry.until === null || entry.until > now);
  const all = [...add, ...news.remove];
  const compare = () => reconcile(job, news.wanted(), now);
  const inFull = () => news.alone?.(compare) ?? compare();
  if (firewall.kind === 'dummy') return confirmAll(add);
  const isPlain = all.every((entry) => isCanonical(entry.address)) && news.add.length === add.length;
  const mayCollide = !firewall.takesOverlaps && all.some((entry) => entry.address.includes('/'));
  if (!isPlain || mayCollide || rules.length === 0) return inFull();
  const change = { ...NO_DIFFERENCE, add, remove: news.remove, isNews: true };
  const reason = await apply(job, change, now);
  if (reason !== null) return inFull();
  if (!(await areConfirmed(job, change, now))) return inFull();
  for (const command of firewall.cut(rules, add)) await run(command);
  return { enforced: add, pending: [], repaired: repairOf(change), trouble: [] };
}

/** Removes every rule, set and entry of ours, whatever jail made it, and nothing else; then looks that they are gone. */
export async function flush(job: FirewallJob, now: number): Promise<Enforcement> {
  return reconcile({ ...job, rules: [] }, [], now);
}

/**
 * The jails whose rules or bans are damaged, seen cheaply; reconcile then. `expected` = entries of each jail. Answers the
 * reason as text when the firewall could not be asked.
 */
export async function findDamage(
  job: FirewallJob,
  expected: ReadonlyMap<string, number>,
): Promise<ReadonlySet<string> | string> {
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
  const change = { ...NO_DIFFERENCE, add, remove, isNews: true };
  return [...firewall.change(rules, change, now), ...firewall.cut(rules, add)];
}

/** There is nothing behind `dummy` that could refuse or confirm. */
function confirmAll(entries: readonly BanEntry[]): Enforcement {
  return { enforced: entries, pending: [], repaired: repairOf(NO_DIFFERENCE), trouble: [] };
}

async function lossOf({ firewall, run }: FirewallJob): Promise<string | null> {
  const { losses } = firewall;
  return losses === undefined ? null : losses.read(await Promise.all(losses.commands.map(run)));
}

async function areConfirmed(job: FirewallJob, change: Difference, now: number): Promise<boolean> {
  const touched = new Set([...change.add, ...change.remove].map((entry) => entry.jail));
  if (job.firewall.exitProves) {
    const damage = await findDamage(job, new Map());
    return typeof damage !== 'string' && ![...touched].some((jail) => damage.has(jail));
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

async function askHeld(job: FirewallJob, now: number): Promise<Held | string> {
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

async function cutConnections(job: FirewallJob, added: readonly BanEntry[], held: Held): Promise<void> {
  const standing = added.filter(({ jail, address }) => held.entries.get(jail)?.has(address));
  for (const command of job.firewall.cut(job.rules, standing)) await job.run(command);
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
  const covers = new Map<string, (address: string) => boolean>();
  for (const jail of job.firewall.takesOverlaps ? [] : ruled) {
    covers.set(jail, coverOf([...(held?.entries.get(jail)?.keys() ?? [])]));
  }
  const isHeld = ({ jail, address }: BanEntry): boolean => {
    const standing = held?.ready.has(jail) ? held.entries.get(jail) : undefined;
    return (
      standing?.has(address) ||
      (standing !== undefined && isCanonical(address) && covers.get(jail)?.(address)) ||
      false
    );
  };
  const reasonFor = (entry: BanEntry): string => {
    if (!isCanonical(entry.address)) return 'not an address or network';
    if (!ruled.has(entry.jail)) return 'no rule for its jail';
    return trouble.get(keyOf(entry)) ?? trouble.get(entry.jail) ?? general ?? NOT_TAKEN;
  };
  const enforced: BanEntry[] = [];
  const pending: { entry: BanEntry; reason: string }[] = [];
  for (const entry of live) {
    if (isHeld(entry)) enforced.push(entry);
    else pending.push({ entry, reason: reasonFor(entry) });
  }
  const said = new Set([...(general === null ? [] : [general]), ...trouble.values()]);
  return { enforced, pending, repaired: repairOf(NO_DIFFERENCE), trouble: [...said].slice(0, 20) };
}
