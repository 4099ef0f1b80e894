import { reasonOf, UsageError } from '../base/errors.ts';
import { isOnPath } from '../base/process.ts';
import type { Config } from '../config/config.ts';
import type { BanEntry } from '../firewall/backend.ts';
import { presentFirewalls } from '../firewall/choose.ts';
import { firewalldRuns, firewallRunner, jailOfRule, wantedEntries } from '../firewall/plan.ts';
import { type FirewallJob, reconcile } from '../firewall/reconcile.ts';
import { addOrder, type State } from '../state/state.ts';
import { type BanChange, runActions } from './actions.ts';
import type { Call, Subcommand } from './command.ts';
import { changeState, configOf, findJail, firewallPlanOf, jobsOf } from './context.ts';

/** `f2b flush`: lifts all bans and removes all rules and sets of f2b from the firewall. */
export const flush: Subcommand = {
  name: 'flush',
  summary: 'lift all bans and remove our rules and sets from the firewall',
  usage: '[JAIL]',
  options: [],
  about: `Prints how many bans were lifted. Removes what f2b made in every firewall found on this host, and nothing else; a
running daemon puts its (empty) rules back. The commands of actions (actionflush, or actionunban for each ban) are run by
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
    call.io.stdout(`${lifted.length}\n`);
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
  const troubles: string[] = [];
  const run = firewallRunner(call.io.env);
  for (const firewall of presentFirewalls(isOnPath)) {
    if (firewall.kind === 'firewalld' && !(await firewalldRuns(call.io.env))) continue;
    const job = { firewall, rules: [], run };
    troubles.push(...(await remove(call, 'everything of f2b', { job, wanted: [] })));
  }
  return { lifted, troubles };
}

async function flushJail(call: Call, state: State, name: string): Promise<Flushed> {
  const config = configOf(call);
  findJail(config, name);
  const lifted = liftAll(state, name);
  const plan = await firewallPlanOf(config.jails, call.io);
  const troubles: string[] = [];
  for (const job of jobsOf(plan, call)) {
    if (!job.rules.some((rule) => jailOfRule(rule.jail) === name)) continue;
    const rules = job.rules.filter((rule) => jailOfRule(rule.jail) !== name);
    const rest = { job: { ...job, rules }, wanted: wantedEntries(state, plan, job.firewall.kind) };
    troubles.push(...(await remove(call, `the bans, rules and sets of ${name}`, rest)));
  }
  return { lifted, troubles };
}

type Rest = { readonly job: FirewallJob; readonly wanted: readonly BanEntry[] };

/** Removes everything of f2b except `rest` from a firewall; `what` describes it. Returns what failed. */
async function remove({ global, io }: Call, what: string, { job, wanted }: Rest): Promise<readonly string[]> {
  if (global.dryRun) {
    io.stdout(`# would remove ${what} from ${job.firewall.kind}\n`);
    return [];
  }
  const { trouble, warning } = await reconcile(job, wanted, io.now());
  if (warning !== undefined) io.stderr(`f2b: ${warning}\n`);
  return trouble;
}

function liftAll(state: State, jail: string): readonly BanChange[] {
  const ids = [...(state.jails.get(jail)?.bans.keys() ?? [])];
  return ids.flatMap((id) =>
    addOrder(state, { kind: 'unban', jail, id }) ? [{ kind: 'flush', jail, id } as const] : [],
  );
}
