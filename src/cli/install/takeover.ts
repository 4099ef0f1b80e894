import { MachineError } from '../../base/errors.ts';
import { isRecord } from '../../source/source.ts';
import { failureOf, type Host } from './host.ts';

/** Longest wait until all bans stand, in milliseconds. */
const PROOF_MS = 60_000;
const LOOK_MS = 250;

/** The name of its unit everywhere. */
export const FAIL2BAN = 'fail2ban.service';

/** The state of fail2ban's service before anything is done. */
export type Original = { readonly isActive: boolean; readonly isEnabled: boolean };

/** Looks how fail2ban runs here. */
export async function originalOn(host: Host): Promise<Original> {
  return {
    isActive: await host.isTrue('systemctl', 'is-active', '--quiet', FAIL2BAN),
    isEnabled: await host.isTrue('systemctl', 'is-enabled', '--quiet', FAIL2BAN),
  };
}

/** Takes over the bans of fail2ban. Throws MachineError when some cannot be taken. */
export async function takeBans(host: Host): Promise<void> {
  const output = await host.f2b('import');
  if (output.stdout !== '') host.say(output.stdout.trim().replaceAll('\n', '; '));
  if (output.exitCode === 2 && /left nothing to take/.test(output.stderr)) return;
  for (const line of output.stderr.split('\n').filter((one) => one !== ''))
    host.say(line.replace(/^f2b: /, ''));
  if (output.exitCode === 2 || output.exitCode === null)
    throw new MachineError(`the bans of fail2ban cannot be taken over: ${failureOf(output)}`);
}

/** Exit code of a status without a daemon: the service has just been started. */
const NO_DAEMON = 3;

/** Waits until the daemon runs and the kernel holds every ban; answers their number. Throws MachineError when that does not come. */
export async function proveBans(host: Host): Promise<number> {
  const end = performance.now() + PROOF_MS;
  const { setTimeout: sleep } = process.getBuiltinModule('node:timers/promises');
  for (;;) {
    const output = await host.f2b('status', '--all', '--json');
    const isRunning = output.exitCode === 0;
    if (!isRunning && (output.exitCode !== NO_DAEMON || performance.now() > end))
      throw new MachineError(`f2b status: ${failureOf(output)}`);
    const { standing, pending } = bansIn(output.stdout);
    if (isRunning && pending.length === 0) return standing;
    if (performance.now() > end)
      throw new MachineError(`${pending.length} bans do not stand in the kernel, the first: ${pending[0]}`);
    await sleep(LOOK_MS);
  }
}

function bansIn(json: string): { readonly standing: number; readonly pending: readonly string[] } {
  const jails: unknown = json === '' ? [] : JSON.parse(json);
  const bans = (Array.isArray(jails) ? jails : []).flatMap((jail) =>
    isRecord(jail) && Array.isArray(jail['banned']) ? jail['banned'] : [],
  );
  const pending = bans.flatMap((ban) =>
    isRecord(ban) && typeof ban['pending'] === 'string' ? [`${String(ban['id'])}: ${ban['pending']}`] : [],
  );
  return { standing: bans.length - pending.length, pending };
}
