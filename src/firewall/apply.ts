import type { Command, Output } from '../base/process.ts';
import { failureOf } from '../base/process.ts';
import type { BanEntry, Difference, Firewall, Rule } from './backend.ts';
import type { ConnectionCutter } from './connections.ts';

/** Runs one command to its end; `exec.run` with a time limit, in the test bed inside a namespace. */
export type RunProgram = (command: Command) => Promise<Output>;

/** One firewall, the rules wanted in it, and the way to run its commands. Jobs on one firewall must not overlap. */
export type FirewallJob = {
  readonly firewall: Firewall;
  readonly rules: readonly Rule[];
  readonly run: RunProgram;
  /** Ends open connections in the background; not given = they are ended before a ban is answered. */
  readonly cutter?: ConnectionCutter;
};

const OUT_OF_TRIES = 'not tried: too many others failed before it';

/** Why the change failed, null when every command did its work. One that fails does not stop those behind it. */
export async function apply(job: FirewallJob, change: Difference, now: number): Promise<string | null> {
  let first: string | null = null;
  for (const command of job.firewall.change(job.rules, change, now)) {
    const output = await job.run(command);
    const reason = failureOf(command, output);
    if (reason === null || (command.mayFail && output.trouble === null)) continue;
    first ??= reason;
    if (output.trouble !== null && !command.mayFail) return reason;
  }
  return first;
}

/** What is remembered while a change is done in parts. */
type ChangeParts = {
  readonly now: number;
  /** Failures by what failed: a jail, or keyOf an entry. */
  readonly trouble: Map<string, string>;
  readonly left: { runs: number };
  /** fullKey of those whose set is full, with that as a reason. */
  readonly full: Map<string, string>;
};

/** Halves a change that failed as a whole until what fails stands alone, so that the rest is done. */
export async function applyInParts(job: FirewallJob, change: Difference, parts: ChangeParts): Promise<void> {
  const doable = withoutHopeless(change, parts);
  const size = sizeOf(doable);
  if (size === 0) return;
  const reason = parts.left.runs-- > 0 ? await apply(job, doable, parts.now) : OUT_OF_TRIES;
  if (reason === null) return;
  if (size === 1 || parts.left.runs <= 0 || isHopeless(reason)) {
    rememberFailure(doable, reason, parts);
    return;
  }
  const middle = Math.ceil(size / 2);
  await applyInParts(job, sliceOf(doable, 0, middle), parts);
  await applyInParts(job, sliceOf(doable, middle, size), parts);
}

/** A part of a change: of all that it does, in order, what stands from `from` to before `to`. */
function sliceOf(change: Difference, from: number, to: number): Difference {
  let at = 0;
  const cut = <T>(part: readonly T[]): readonly T[] => {
    const own = part.slice(Math.max(0, from - at), Math.max(0, to - at));
    at += part.length;
    return own;
  };
  const { teardown, setup, remove, add } = change;
  return { ...change, teardown: cut(teardown), setup: cut(setup), remove: cut(remove), add: cut(add) };
}

function sizeOf({ teardown, setup, remove, add }: Difference): number {
  return teardown.length + setup.length + remove.length + add.length;
}

/** Leaves out what must fail again: entries of a jail without a rule or with a full set. */
function withoutHopeless(change: Difference, parts: ChangeParts): Difference {
  const reasonFor = (entry: BanEntry): string | undefined =>
    parts.trouble.get(entry.jail) ?? parts.full.get(fullKey(entry));
  for (const entry of change.add) {
    const reason = reasonFor(entry);
    if (reason !== undefined) parts.trouble.set(keyOf(entry), reason);
  }
  return { ...change, add: change.add.filter((entry) => reasonFor(entry) === undefined) };
}

function rememberFailure(change: Difference, reason: string, { trouble, full }: ChangeParts): void {
  for (const jail of change.teardown) trouble.set(jail, reason);
  for (const { jail } of change.setup) trouble.set(jail, reason);
  for (const entry of change.remove) trouble.set(keyOf(entry), reason);
  for (const entry of change.add) {
    const isOut = isFull(reason);
    // The firewall's own words name one address and its time-out, and would be told anew at each attempt.
    const text = isOut ? `the set of jail ${entry.jail} is full` : reason;
    if (isOut) full.set(fullKey(entry), text);
    trouble.set(keyOf(entry), text);
  }
}

/** Whether a set has no room for more. */
export function isFull(reason: string): boolean {
  return /too many open files|is full/i.test(reason);
}

/** What an entry is found by in `trouble`. */
export function keyOf({ jail, address }: BanEntry): string {
  return `${jail}\0${address}`;
}

function fullKey({ jail, address }: BanEntry): string {
  const slash = address.indexOf('/');
  return `${jail}\0${address.includes(':') ? 6 : 4} ${slash < 0 ? '' : address.slice(slash)}`;
}

/** Failures that no other way of cutting the work can avoid. */
export function isHopeless(reason: string): boolean {
  return /not found, is it installed|timed out|not permitted|permission denied|must be root/i.test(reason);
}
