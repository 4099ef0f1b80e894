import { firewalldLoaded } from '../firewall/firewalld.ts';
import { wantedEntries } from '../firewall/plan.ts';
import { reconcile } from '../firewall/reconcile.ts';
import type { Call } from './command.ts';
import { configOf, firewallPlanOf, jobsOf, readOnlyState } from './context.ts';

/**
 * `f2b run --restore`: enforces the bans in the state and ends. Reads no log, looks up no name, compiles no
 * filter and saves nothing, so that only the firewall takes time. Returns the exit code.
 */
export async function restoreBans(call: Call): Promise<number> {
  const state = readOnlyState(call);
  const plan = firewallPlanOf(configOf(call).blocking);
  const troubles = new Set([...plan.troubles].map(([jail, trouble]) => `[${jail}] ${trouble}`));
  for (const job of jobsOf(plan, call)) {
    const { kind } = job.firewall;
    const wanted = wantedEntries(state, plan, kind);
    if (wanted.length === 0) continue;
    if (kind !== 'nftables') await firewalldLoaded(job.run);
    const { enforced, pending, trouble } = await reconcile(job, wanted, call.io.now());
    call.io.stdout(`${kind}: ${enforced.length} of ${enforced.length + pending.length} bans stand\n`);
    for (const reason of [...trouble, ...pending.map((one) => one.reason)])
      troubles.add(`${kind}: ${reason}`);
  }
  for (const trouble of troubles) call.io.stderr(`f2b: ${trouble}\n`);
  return troubles.size > 0 ? 1 : 0;
}
