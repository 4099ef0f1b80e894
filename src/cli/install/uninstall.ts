import { MachineError, UsageError } from '../../base/errors.ts';
import { databaseOf } from '../../config/settings.ts';
import type { Call, Subcommand } from '../command.ts';
import { configOf } from '../context.ts';
import { bansOfRunning, originalClient } from '../transfer/running.ts';
import { BINARY, fail2banLinks, ownUnit, PACKAGED_UNIT } from './files.ts';
import { failureOf, Host } from './host.ts';
import { report, tellerOf } from './install.ts';
import { Place } from './place.ts';
import { FAIL2BAN } from './takeover.ts';

/** Longest wait until fail2ban answers, in milliseconds. */
const ANSWER_MS = 60_000;
const LOOK_MS = 250;
/** After so long without a new ban it has restored all that it restores. */
const SETTLED_MS = 3000;

/** `f2b uninstall`: takes back what install did. */
export const uninstall: Subcommand = {
  name: 'uninstall',
  summary: 'take back what install did, and give fail2ban its place',
  usage: '[--root DIR]',
  options: [{ name: 'root', value: 'DIR', help: 'as of install --root' }],
  about: `Stops and disables f2b, lifts its bans, removes its objects from the firewall and the files that install wrote; a file that was changed since stays and is named.
The configuration, the state and the log stay. Where install --as-fail2ban took the place of fail2ban, the bans go into fail2ban's database, and fail2ban is
started with them before f2b lifts its own. A package of f2b is removed by the package manager.`,
  examples: [
    ['f2b uninstall', 'back to before'],
    ['f2b uninstall --dry-run', 'what would be done'],
  ],
  async run(call) {
    if (call.words.length > 0)
      throw new UsageError('uninstall takes no arguments', 'see: f2b help uninstall');
    const { options, global } = call;
    const root = typeof options['root'] === 'string' ? options['root'] : null;
    if (root === null && process.getuid?.() !== 0) throw new MachineError('only root can uninstall f2b');
    const place = new Place(root ?? '/', global.dryRun, tellerOf(call));
    const isPackaged = place.has(PACKAGED_UNIT);
    const host = new Host(call, isPackaged ? '/usr/sbin/f2b' : BINARY);
    const paths = Object.keys(place.manifest.files);
    if (root !== null) place.takeBack(paths);
    else if (paths.length > 0 || place.manifest.fail2ban !== null)
      await giveBack(call, host, place, isPackaged);
    place.save();
    if (root === null && host.hasSystemd && place.changes.length > 0)
      await host.change('systemctl', 'daemon-reload');
    report(call, place.changes);
    return 0;
  },
};

async function giveBack(call: Call, host: Host, place: Place, isPackaged: boolean): Promise<void> {
  const links = fail2banLinks('', ownUnit(isPackaged)).map(({ path }) => path);
  const { fail2ban } = place.manifest;
  if (host.hasSystemd) await stopOwn(host, isPackaged && fail2ban === null);
  if (fail2ban !== null) {
    if (!call.global.dryRun) await handOver(call, host);
    place.takeBack(links);
    place.save();
    await host.change('systemctl', 'daemon-reload');
    if (fail2ban.wasEnabled) await host.change('systemctl', 'enable', '--quiet', FAIL2BAN);
    await host.change('systemctl', 'start', FAIL2BAN);
    if (!call.global.dryRun) await untilRestored(host);
    place.setFail2ban(null);
  }
  // Only now: until here every ban stood, by one of them or by both.
  if (!call.global.dryRun) {
    const output = await host.f2b('flush');
    if (output.exitCode !== 0) throw new MachineError(`f2b flush: ${failureOf(output)}`);
  }
  place.takeBack(Object.keys(place.manifest.files));
}

async function stopOwn(host: Host, isKept: boolean): Promise<void> {
  if (isKept) return;
  for (const unit of ['f2b.service', 'f2b.timer', 'f2b-restore.service'])
    if (await host.isTrue('systemctl', 'cat', unit))
      await host.change('systemctl', 'disable', '--now', '--quiet', unit);
}

/** The bans go into the database that fail2ban reads at its start. */
async function handOver(call: Call, host: Host): Promise<void> {
  const path = databaseOf(configOf(call).settings);
  if (path === 'None' || path.startsWith(':')) {
    host.say('fail2ban keeps no database: it begins without bans');
    return;
  }
  const output = await host.f2b('export', '--format', 'fail2ban', '--replace', '--out', path);
  if (output.exitCode !== 0)
    throw new MachineError(`the bans cannot be given to fail2ban: ${failureOf(output)}`);
  host.say(output.stderr.trim().replace(/^f2b: /, ''));
}

/** Waits until fail2ban answers and has restored its bans, one by one: until there are no more for a while. */
async function untilRestored(host: Host): Promise<void> {
  const client = originalClient();
  if (client === null) throw new MachineError('fail2ban-client is not there any more');
  const { setTimeout: sleep } = process.getBuiltinModule('node:timers/promises');
  const end = performance.now() + ANSWER_MS;
  let [held, since] = [-1, performance.now()];
  for (;;) {
    const bans = await bansOfRunning(client, [], 0);
    const count = typeof bans === 'string' ? -1 : bans.length;
    if (count !== held) [held, since] = [count, performance.now()];
    if (held >= 0 && performance.now() - since > SETTLED_MS) break;
    if (held < 0 && performance.now() > end)
      throw new MachineError('fail2ban was started and does not answer: see systemctl status fail2ban');
    await sleep(LOOK_MS);
  }
  host.say(`fail2ban runs and holds ${held} bans`);
}
