import { isSea } from 'node:sea';
import { ConfigError, MachineError, UsageError } from '../../base/errors.ts';
import type { Call, Subcommand } from '../command.ts';
import { configOf } from '../context.ts';
import { BINARY, fail2banLinks, installFiles, ownUnit, PACKAGED_UNIT } from './files.ts';
import { Host } from './host.ts';
import { type Change, Place } from './place.ts';
import { FAIL2BAN, originalOn, proveBans, takeBans } from './takeover.ts';

/** Makes `f2b install`. */
export function makeInstall(commands: () => readonly Subcommand[]): Subcommand {
  return {
    name: 'install',
    summary: 'put units, manual pages and completions onto this host',
    usage: '[--as-fail2ban] [--root DIR]',
    options: [
      { name: 'as-fail2ban', help: 'take the place of fail2ban, with its bans and its names' },
      { name: 'root', value: 'DIR', help: 'install below DIR, for an image; no service is touched' },
    ],
    about: `Copies this binary to ${BINARY}, the units to /etc/systemd/system, the rest below /etc/logrotate.d and /usr/local/share. What a package
of f2b has brought is left as it is. Nothing is started: systemctl enable --now f2b does that. Calling it again changes nothing.

--as-fail2ban takes over the bans of fail2ban, starts f2b, waits until the kernel holds each of them, and only then stops and disables fail2ban. What was
banned meanwhile is taken over too. Then fail2ban-client, fail2ban-server and fail2ban-regex in /usr/local/bin, and the unit name fail2ban, lead to f2b. No
file of fail2ban is changed. f2b uninstall gives everything back.`,
    examples: [
      ['f2b install', 'after copying the binary to a host'],
      ['f2b install --as-fail2ban', "with a running fail2ban's bans"],
      ['f2b install --dry-run', 'what would be written'],
    ],
    async run(call) {
      if (call.words.length > 0) throw new UsageError('install takes no arguments', 'see: f2b help install');
      const { root, isTakeover } = readOptions(call);
      const place = new Place(root ?? '/', call.global.dryRun, tellerOf(call));
      const isPackaged = place.has(PACKAGED_UNIT);
      const binary = isPackaged ? '/usr/sbin/f2b' : BINARY;
      const host = new Host(call, binary);
      if (!isPackaged) {
        place.copyBinary(binaryOf(), BINARY);
        for (const file of installFiles(commands())) place.write(file);
      }
      place.save();
      if (root === null && host.hasSystemd && place.changes.length > 0)
        await host.change('systemctl', 'daemon-reload');
      if (isTakeover) await takeOver(call, host, place, { binary, unit: ownUnit(isPackaged) });
      report(call, place.changes);
      if (!isTakeover && place.changes.length > 0 && root === null)
        host.say('installed; "f2b check" tests the configuration, "systemctl enable --now f2b" starts it');
      return 0;
    },
  };
}

function readOptions({ options }: Call): { readonly root: string | null; readonly isTakeover: boolean } {
  const root = typeof options['root'] === 'string' ? options['root'] : null;
  const isTakeover = options['as-fail2ban'] === true;
  if (isTakeover && root !== null) throw new UsageError('--as-fail2ban and --root exclude each other');
  if (root === null && process.getuid?.() !== 0) throw new MachineError('only root can install f2b');
  return { root, isTakeover };
}

/** The file that runs. From source there is none. */
function binaryOf(): string {
  if (isSea()) return process.execPath;
  throw new UsageError('f2b runs from source: there is no binary to install', 'build it first: ./build.sh');
}

/** Prints a change when it is made, or would be; --json waits for the end. */
export function tellerOf({ global, io }: Call): (change: Change) => void {
  if (global.json) return () => undefined;
  return ({ what, path, why }) => {
    if (what === 'keep') io.stderr(`f2b: ${path} stays as it is: ${why}\n`);
    else io.stdout(`${what} ${path}\n`);
  };
}

/** Says at the end what there is to say of all changes. */
export function report({ global, io }: Call, changes: readonly Change[]): void {
  const isChanged = changes.some(({ what }) => what !== 'keep');
  if (global.json) io.stdout(`${JSON.stringify({ changed: isChanged, changes })}\n`);
  else if (!isChanged) io.stdout('nothing to change\n');
}

type Own = { readonly binary: string; readonly unit: string };

/** fail2ban's place is taken in an order in which each ban stands at every moment. */
async function takeOver(call: Call, host: Host, place: Place, own: Own): Promise<void> {
  assertUsable(call);
  if (!host.hasSystemd) throw new MachineError('--as-fail2ban needs systemd');
  const links = fail2banLinks(own.binary, own.unit);
  place.assertFree(links);
  const isDone = place.manifest.fail2ban !== null;
  const original = isDone ? { isActive: false, isEnabled: false } : await originalOn(host);
  if (!isDone) {
    if (!call.global.dryRun) await takeBans(host);
    await host.change('systemctl', 'enable', '--now', 'f2b.service');
    if (!call.global.dryRun)
      host.say(`${await proveBans(host)} bans stand in the kernel beside those of fail2ban`);
    place.setFail2ban({ wasEnabled: original.isEnabled });
    if (original.isActive) await host.change('systemctl', 'stop', FAIL2BAN);
    if (original.isEnabled) await host.change('systemctl', 'disable', '--quiet', FAIL2BAN);
    if (!call.global.dryRun) {
      await takeBans(host);
      host.say(`${await proveBans(host)} bans stand in the kernel, fail2ban is stopped`);
    }
  }
  if (!links.every((link) => place.isLinked(link))) {
    // Stopped meanwhile, with its bans in the kernel: a running one was seen to be inactive for systemd once it had the name of the
    // other unit, and the folder of fail2ban's socket ended with fail2ban.
    await host.change('systemctl', 'stop', 'f2b.service');
    for (const link of links) place.link(link);
    place.save();
    await host.change('systemctl', 'daemon-reload');
    await host.change('systemctl', 'start', 'f2b.service');
    if (!call.global.dryRun) await proveBans(host);
  }
  host.say('f2b is in the place of fail2ban; "f2b uninstall" gives it back, with the bans');
}

/** A configuration with errors would lose bans. */
function assertUsable(call: Call): void {
  const config = configOf(call);
  const errors = config.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new ConfigError(errors);
  if (config.jails.length === 0)
    throw new UsageError(
      `no jail is enabled (${config.tree}): fail2ban would be stopped for nothing`,
      'see: f2b check',
    );
}
