import { existsSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import type { Jail } from '../jail.ts';
import { lockHolder, takeLock } from '../lock.ts';
import { expandGlob } from '../logfile/glob.ts';
import { runLockPath } from '../statefile.ts';
import { type JailStatus, printJail, printOverview, statusOf } from '../status.ts';
import type { Call, Command } from './command.ts';
import { configOf, findJail, readOnlyState, statePathOf } from './host.ts';

/** `f2b status`: the jails, or one jail's counts and bans. */
export const status: Command = {
  name: 'status',
  summary: "show the jails, or one jail's failures and bans",
  usage: '[JAIL.. | --all]',
  options: [{ name: 'all', short: null, value: null, help: 'show every jail' }],
  about:
    'Works with and without a running daemon. A ban that the firewall has not confirmed is named with the reason.',
  examples: [
    ['f2b status', 'the jails'],
    ['f2b status sshd', 'one jail'],
    ['f2b status --json sshd', 'the same for programs, with the end of each ban'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    const config = configOf(call);
    if (words.length > 0 && options['all'] === true) throw new UsageError('--all takes no jail');
    const names = options['all'] === true ? config.jails.map(({ name }) => name) : words;
    const jails = names.map((name) => findJail(config, name));
    const statuses = jails.length === 0 ? [] : statusesOf(call, jails);
    if (global.json) {
      const all = config.jails.map(({ name }) => name).sort();
      const repairs = Object.fromEntries(readOnlyState(call).repairs);
      const overview = { running: runningPid(statePathOf(global, io)), jails: all, repairs };
      io.stdout(`${JSON.stringify(names.length === 0 ? overview : statuses)}\n`);
      return 0;
    }
    if (words.length === 0)
      io.stdout(
        printOverview(
          config.jails.map(({ name }) => name),
          readOnlyState(call).repairs,
        ),
      );
    for (const one of statuses) io.stdout(printJail(one));
    return 0;
  },
};

function statusesOf(call: Call, jails: readonly Jail[]): JailStatus[] {
  const state = readOnlyState(call);
  return jails.map((jail) => statusOf(jail, state, filesOf(jail), call.io.now()));
}

function filesOf(jail: Jail): readonly string[] {
  return [...new Set(jail.logpath.flatMap(({ glob }) => expandGlob(glob)))].filter((path) =>
    existsSync(path),
  );
}

/** The pid of the daemon that works on this state, null when none runs. */
export function runningPid(statePath: string): number | null {
  if (!existsSync(runLockPath(statePath))) return null;
  const lock = takeLock(runLockPath(statePath), 0);
  if (lock === null) return lockHolder(runLockPath(statePath));
  lock.release();
  return null;
}
