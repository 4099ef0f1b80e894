import type { Command, Output } from '../base/process.ts';
import { failureOf } from '../base/process.ts';
import type { BanEntry, Difference, Firewall, Rule } from './backend.ts';

/** Runs one command to its end; `exec.run` with a time limit, in the test bed inside a namespace. */
export type RunProgram = (command: Command) => Promise<Output>;

/** One firewall, the rules wanted in it, and the way to run its commands. Jobs on one firewall must not overlap. */
export type FirewallJob = {
  readonly firewall: Firewall;
  readonly rules: readonly Rule[];
  readonly run: RunProgram;
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
export type ChangeParts = {
  readonly now: number;
  /** Failures by what failed: a jail, or keyOf an entry. */
  readonly trouble: Map<string, string>;
  readonly left: { runs: number };
  /** fullKey of those whose set is full, with the firewall's words. */
  readonly full: Map<string, string>;
};

/** Halves a change that failed as a whole until what fails stands alone, so that the rest is done. */
export async function applyInParts(job: FirewallJob, change: Difference, parts: ChangeParts): Promise<void> {
  const doable = withoutHopeless(change, parts);
  const items = itemsOf(doable);
  if (items.length === 0) return;
  const reason = parts.left.runs-- > 0 ? await apply(job, doable, parts.now) : OUT_OF_TRIES;
  if (reason === null) return;
  if (items.length === 1 || parts.left.runs <= 0 || isHopeless(reason)) {
    for (const item of items) noteFailure(item, reason, parts);
    return;
  }
  const middle = Math.ceil(items.length / 2);
  await applyInParts(job, changeOf(items.slice(0, middle), change), parts);
  await applyInParts(job, changeOf(items.slice(middle), change), parts);
}

type Item =
  | { readonly kind: 'setup'; readonly rule: Rule }
  | { readonly kind: 'teardown'; readonly jail: string }
  | { readonly kind: 'add' | 'remove'; readonly entry: BanEntry };

function itemsOf(change: Difference): readonly Item[] {
  return [
    ...change.teardown.map((jail) => ({ kind: 'teardown', jail }) as const),
    ...change.setup.map((rule) => ({ kind: 'setup', rule }) as const),
    ...change.remove.map((entry) => ({ kind: 'remove', entry }) as const),
    ...change.add.map((entry) => ({ kind: 'add', entry }) as const),
  ];
}

function changeOf(items: readonly Item[], { traces }: Difference): Difference {
  return {
    setup: items.flatMap((item) => (item.kind === 'setup' ? [item.rule] : [])),
    teardown: items.flatMap((item) => (item.kind === 'teardown' ? [item.jail] : [])),
    remove: items.flatMap((item) => (item.kind === 'remove' ? [item.entry] : [])),
    add: items.flatMap((item) => (item.kind === 'add' ? [item.entry] : [])),
    traces,
    isNews: false,
  };
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

function noteFailure(item: Item, reason: string, { trouble, full }: ChangeParts): void {
  if (item.kind === 'setup') trouble.set(item.rule.jail, reason);
  else if (item.kind === 'teardown') trouble.set(item.jail, reason);
  else {
    const isFull = item.kind === 'add' && /too many open files|is full/i.test(reason);
    const text = isFull ? `the set of jail ${item.entry.jail} is full (${reason})` : reason;
    if (isFull) full.set(fullKey(item.entry), text);
    trouble.set(keyOf(item.entry), text);
  }
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
