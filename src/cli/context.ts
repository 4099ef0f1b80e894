import { readFileSync } from 'node:fs';
import { embeddedFiles } from '../base/embedded.ts';
import { ConfigError, formatProblem, UsageError } from '../base/errors.ts';
import { contains } from '../base/ip.ts';
import { formatCommand, isOnPath } from '../base/process.ts';
import { didYouMean } from '../base/suggest.ts';
import { type Config, loadConfig } from '../config/config.ts';
import type { Jail } from '../config/jail.ts';
import { type ConfigTree, findConfigTree, memoryTree } from '../config/tree.ts';
import { ownAddresses } from '../daemon/jails.ts';
import type { BanEntry } from '../firewall/backend.ts';
import { simulated } from '../firewall/dryrun.ts';
import { findLimits, type Limit } from '../firewall/limits.ts';
import {
  type FirewallPlan,
  firewallRunner,
  isEnforceable,
  planFirewalls,
  unusedFirewalls,
  wantedEntries,
} from '../firewall/plan.ts';
import {
  flush as clearFirewall,
  enforceNow,
  type FirewallJob,
  planNow,
  type RunProgram,
  reconcile,
} from '../firewall/reconcile.ts';
import { readsJournalInstead } from '../source/journal/journal.ts';
import { assertSavable, loadState, lockState, prepareFolder, saveState } from '../state/file.ts';
import type { State } from '../state/state.ts';
import type { Call, GlobalOptions, Io } from './command.ts';

/** The parts of a call that give access to files and firewalls. */
type Access = Pick<Call, 'global' | 'io'>;

/** Default path of the state. */
const STATE_PATH = '/var/lib/f2b/state.json';

/** The path of the state file: `--state FILE`, $F2B_STATE, or the default. */
export function statePathOf(global: GlobalOptions, io: Io): string {
  return global.state ?? (io.env['F2B_STATE'] || STATE_PATH);
}

/** The configuration tree of the call. */
export function treeOf({ global, io }: Access): ConfigTree {
  const embedded = memoryTree(embeddedFiles());
  return findConfigTree({ config: global.config, embedded }, io.env);
}

/** The text of /etc/services; '' if there is none. */
export function servicesText(): string {
  try {
    return readFileSync('/etc/services', 'utf8');
  } catch {
    return '';
  }
}

/** The configuration of the call. Prints mistakes that do not concern a single jail to standard error. */
export function configOf(call: Access): Config {
  const config = loadConfig(treeOf(call), { services: servicesText(), usesJournal: readsJournalInstead });
  for (const one of config.problems) {
    if (one.severity === 'error' && one.jail === null) call.io.stderr(`f2b: ${formatProblem(one)}\n`);
  }
  return config;
}

/**
 * An enabled jail by name. Throws UsageError, with a suggestion, if there is none, and ConfigError if it is
 * broken.
 */
export function findJail(config: Config, name: string): Jail {
  const jail = config.jails.find((one) => one.name === name);
  if (jail !== undefined) return jail;
  const known = config.allJails.find((one) => one.name === name);
  if (known?.isEnabled === true) {
    throw new ConfigError(config.problems.filter((one) => one.jail === name && one.severity === 'error'));
  }
  if (known !== undefined) {
    const { file, line } = known.place;
    const hint = `write enabled = true into its section, ${file}:${line}`;
    throw new UsageError(`the jail "${name}" is not enabled (${config.tree})`, hint);
  }
  const names = config.allJails.map((one) => one.name);
  const hint = didYouMean(name, names) ?? 'f2b status lists the jails';
  throw new UsageError(`there is no jail "${name}" (${config.tree})`, hint);
}

/** Where `--dry-run` prints what would be executed: with `--json` standard output has the answer alone. */
export function planOf({ global, io }: Access): (text: string) => void {
  return global.json ? io.stderr : io.stdout;
}

/** Runs firewall commands; prints them instead with `--dry-run`. */
export function runnerOf({ global, io }: Access): RunProgram {
  if (!global.dryRun) return firewallRunner(io.env);
  return async (command) => {
    planOf({ global, io })(`${formatCommand(command)}\n`);
    return { exitCode: 0, stdout: '', stderr: '', trouble: null };
  };
}

/** The firewalls behind the jails. */
export function firewallPlanOf(jails: Config['blocking']): FirewallPlan {
  return planFirewalls(jails);
}

/** What the bans of the jails cannot do on this host; see firewall/limits.ts. */
export async function limitsOfHost(plan: FirewallPlan, { env }: Io): Promise<readonly Limit[]> {
  const own = ownAddresses();
  const isLocal = (address: string): boolean => own.some((network) => contains(network, address));
  return findLimits(plan, { run: firewallRunner(env), have: isOnPath, isLocal });
}

/** The jobs of a plan; with `--dry-run` on firewalls that exist in memory only. */
export function jobsOf(plan: FirewallPlan, call: Access): readonly FirewallJob[] {
  const run = runnerOf(call);
  return plan.sections.map(({ firewall, rules }) => ({
    firewall: call.global.dryRun ? simulated(firewall) : firewall,
    rules,
    run,
  }));
}

/** A command's change: which wanted entries are new, and which are no longer wanted. */
type StateChange = {
  add(entry: BanEntry): boolean;
  /** Of those, which stood before and get another end. */
  isStanding?(entry: BanEntry): boolean;
  readonly remove: readonly { readonly jail: string; readonly id: string }[];
  /** No daemon looks after the firewalls: what an earlier configuration left in them goes as well. */
  readonly isAlone?: boolean;
};

/**
 * Passes a change of the state to the firewalls. Returns, by address, why an entry is not as it should be.
 */
export async function enforceChange(
  call: Access,
  plan: FirewallPlan,
  state: State,
  change: StateChange,
): Promise<Map<string, string>> {
  const missing = new Map<string, string>();
  const now = call.io.now();
  for (const job of jobsOf(plan, call)) {
    const { kind } = job.firewall;
    const wanted = wantedEntries(state, plan, kind);
    const add = wanted.filter((entry) => change.add(entry));
    const remove = change.remove.flatMap(({ jail, id }) =>
      (plan.rulesByJail.get(jail) ?? [])
        .filter((place) => place.kind === kind && isEnforceable(id))
        .map(({ rule }) => ({ jail: rule, address: id, until: null })),
    );
    const isAlone = change.isAlone === true && !call.global.dryRun;
    if (add.length + remove.length === 0 && !isAlone) continue;
    if (call.global.dryRun) {
      for (const one of planNow(job, add, remove, now)) planOf(call)(`${formatCommand(one)}\n`);
      continue;
    }
    // A rule without a time-out would stand twice.
    const isRepeated = !job.firewall.hasTimeouts && add.some((entry) => change.isStanding?.(entry));
    const result =
      isAlone || isRepeated
        ? await reconcile(job, wanted, now)
        : await enforceNow(job, { add, remove, wanted: () => wanted }, now);
    for (const { entry, reason } of result.pending) missing.set(entry.address, reason);
    const [trouble] = result.trouble;
    if (trouble !== undefined) for (const { address } of remove) missing.set(address, trouble);
  }
  if (change.isAlone === true && !call.global.dryRun) await clearUnused(call, plan);
  return missing;
}

/** Removes everything of ours from the firewalls that no jail uses; answers what failed. */
export async function clearUnused(call: Access, plan: FirewallPlan): Promise<readonly string[]> {
  const { global, io } = call;
  const run = firewallRunner(io.env);
  const troubles: string[] = [];
  for (const firewall of await unusedFirewalls(plan, run)) {
    if (global.dryRun) planOf(call)(`# would remove everything of f2b from ${firewall.kind}\n`);
    else troubles.push(...(await clearFirewall({ firewall, rules: [], run }, io.now())).trouble);
  }
  return troubles;
}

/**
 * Changes the state under its lock: load, `work`, save. Where it cannot be saved, `work` is not begun. With `--dry-run` nothing
 * is locked or saved. Warnings about the file go to standard error.
 */
export async function changeState<T>(call: Access, work: (state: State) => Promise<T>): Promise<T> {
  const { global, io } = call;
  const path = statePathOf(global, io);
  if (global.dryRun) return work(readOnlyState(call));
  prepareFolder(path);
  const lock = lockState(path);
  try {
    const { state, warnings } = loadState(path, true);
    for (const warning of warnings) io.stderr(`f2b: ${warning}\n`);
    assertSavable(path);
    const result = await work(state);
    await saveState(path, state, io.now());
    return result;
  } finally {
    lock.release();
  }
}

/** The state on disk, without changes or repairs. */
export function readOnlyState({ global, io }: Access): State {
  const { state, warnings } = loadState(statePathOf(global, io), false);
  for (const warning of warnings) io.stderr(`f2b: ${warning}\n`);
  return state;
}
