import { reasonOf, UsageError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Jail } from '../config/jail.ts';
import type { BanEntry } from '../firewall/backend.ts';
import { jailOfRule, wantedEntries } from '../firewall/plan.ts';
import { type FirewallJob, reconcile } from '../firewall/reconcile.ts';
import { runningPid } from '../state/runlock.ts';
import { addOrder, type State } from '../state/state.ts';
import { type BanChange, runActions } from './actions.ts';
import type { Call, Subcommand } from './command.ts';
import {
  changeState,
  clearUnused,
  configOf,
  findJail,
  firewallPlanOf,
  jobsOf,
  planOf,
  statePathOf,
} from './context.ts';

/** `f2b flush`: lifts all bans and removes all rules and sets of f2b from the firewall. */
export const flush: Subcommand = {
  name: 'flush',
  summary: 'lift all bans and remove our rules and sets from the firewall',
  usage: '[JAIL]',
  options: [],
  about: `Prints how many bans were lifted. Removes what f2b made in every firewall found on this host, and nothing else; the
rules of a running daemon stay, and hold nobody. The commands of actions (actionflush, or actionunban for each ban) are run by
the daemon, or by this command where none runs.`,
  examples: [
    ['f2b flush', 'everything'],
    ['f2b flush sshd', 'one jail'],
  ],
  async run(call) {
    const [jail, ...more] = call.words;
    if (more.length > 0) throw new UsageError('flush takes at most one jail', 'see: f2b help flush');
    const { lifted, troubles } = await changeState(call, (state) =>
      jail === undefined ? flushAll(call, state) : flushJail(call, state, jail),
    );
    const answer = { lifted: lifted.map(({ jail, id }) => ({ jail, id })), troubles: [...new Set(troubles)] };
    call.io.stdout(`${call.global.json ? JSON.stringify(answer) : lifted.length}\n`);
    await undoActions(call, lifted);
    for (const trouble of new Set(troubles)) call.io.stderr(`f2b: ${trouble}\n`);
    return troubles.length > 0 ? 1 : 0;
  },
};

type Flushed = { readonly lifted: readonly BanChange[]; readonly troubles: readonly string[] };

/** Works with a broken configuration, too; then the commands of actions are unknown. */
async function undoActions(call: Call, lifted: readonly BanChange[]): Promise<void> {
  if (lifted.length === 0) return;
  let config: Config;
  try {
    config = configOf(call);
  } catch (error) {
    call.io.stderr(`f2b: the commands of actions are not run: ${reasonOf(error)}\n`);
    return;
  }
  await runActions(call, config, lifted);
}

async function flushAll(call: Call, state: State): Promise<Flushed> {
  const lifted = [...state.jails.keys()].flatMap((jail) => liftAll(state, jail));
  const plan = isDaemonRunning(call) ? firewallPlanOf(jailsIn(call)) : firewallPlanOf([]);
  const troubles: string[] = [];
  for (const job of jobsOf(plan, call))
    troubles.push(...(await remove(call, 'all bans', { job, wanted: [] })));
  return { lifted, troubles: [...troubles, ...(await clearUnused(call, plan))] };
}

/** The jails whose rules stay; none where the configuration cannot be read, which keeps nobody from flushing. */
function jailsIn(call: Call): readonly Jail[] {
  try {
    return configOf(call).jails;
  } catch {
    return [];
  }
}

function isDaemonRunning({ global, io }: Call): boolean {
  return runningPid(statePathOf(global, io)) !== null;
}

async function flushJail(call: Call, state: State, name: string): Promise<Flushed> {
  const config = configOf(call);
  findJail(config, name);
  const lifted = liftAll(state, name);
  const plan = firewallPlanOf(config.blocking);
  const isAlone = !isDaemonRunning(call);
  const what = isAlone ? `the bans, rules and sets of ${name}` : `the bans of ${name}`;
  const troubles: string[] = [];
  for (const job of jobsOf(plan, call)) {
    if (!job.rules.some((rule) => jailOfRule(rule.jail) === name)) continue;
    const rules = job.rules.filter((rule) => !isAlone || jailOfRule(rule.jail) !== name);
    const rest = { job: { ...job, rules }, wanted: wantedEntries(state, plan, job.firewall.kind) };
    troubles.push(...(await remove(call, what, rest)));
  }
  if (isAlone && !call.global.dryRun) troubles.push(...(await clearUnused(call, plan)));
  return { lifted, troubles };
}

type Rest = { readonly job: FirewallJob; readonly wanted: readonly BanEntry[] };

/** Removes everything of f2b except `rest` from a firewall; `what` describes it. Returns what failed. */
async function remove(call: Call, what: string, { job, wanted }: Rest): Promise<readonly string[]> {
  const { global, io } = call;
  if (global.dryRun) {
    planOf(call)(`# would remove ${what} from ${job.firewall.kind}\n`);
    return [];
  }
  return (await reconcile(job, wanted, io.now())).trouble;
}

function liftAll(state: State, jail: string): readonly BanChange[] {
  const ids = [...(state.jails.get(jail)?.bans.keys() ?? [])];
  return ids.flatMap((id) =>
    addOrder(state, { kind: 'unban', jail, id }) === 'lifted' ? [{ kind: 'flush', jail, id } as const] : [],
  );
}
