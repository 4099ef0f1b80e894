import { ActionRunner, commandActions } from '../action/runner.ts';
import { ticketOf, totalsOf } from '../action/tags.ts';
import type { Config } from '../config/config.ts';
import { busEnvironment } from '../firewall/plan.ts';
import { runningPid } from '../state/runlock.ts';
import { jailState } from '../state/state.ts';
import type { Call } from './command.ts';
import { planOf, readOnlyState, statePathOf } from './context.ts';

/** Milliseconds that a command waits for the actions of one jail. */
const ACTIONS_MS = 120_000;
/** Additional milliseconds for each ban. */
const EACH_MS = 1000;

/** A change of one ban by a command; `flush` lifts all bans of the jail. */
export type BanChange = {
  readonly kind: 'ban' | 'unban' | 'flush';
  readonly jail: string;
  readonly id: string;
};

/**
 * Runs the command actions (mail, scripts) for a command's changes if no daemon runs; a running daemon runs
 * them itself when it applies the orders. Failures go to standard error.
 */
export async function runActions(call: Call, config: Config, changes: readonly BanChange[]): Promise<void> {
  const { global, io } = call;
  const names = new Set(changes.map(({ jail }) => jail));
  const jails = config.jails.filter((jail) => names.has(jail.name) && commandActions(jail).length > 0);
  if (jails.length === 0 || (!global.dryRun && runningPid(statePathOf(global, io)) !== null)) return;
  const state = readOnlyState(call);
  for (const jail of jails) {
    const known = jailState(state, jail.name);
    const runner = new ActionRunner(jail, {
      onTrouble: (_, text) => io.stderr(`f2b: ${text}\n`),
      totals: () => totalsOf(known),
      env: busEnvironment(io.env),
      print: global.dryRun ? planOf(call) : null,
      mostWaiting: Number.POSITIVE_INFINITY,
    });
    const own = changes.filter((change) => change.jail === jail.name);
    for (const { kind, id } of own) {
      if (kind === 'ban') runner.ban(ticketOf(id, known.bans.get(id) ?? null));
      if (kind === 'unban') runner.unban(ticketOf(id, null));
    }
    const flushed = own.filter(({ kind }) => kind === 'flush');
    if (flushed.length > 0) runner.flush(flushed.map(({ id }) => ticketOf(id, null)));
    await runner.idle(Math.max(ACTIONS_MS, own.length * EACH_MS));
  }
}
