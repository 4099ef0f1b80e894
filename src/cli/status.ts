import { existsSync } from 'node:fs';
import { UsageError } from '../base/errors.ts';
import { isLocked, lockHolder } from '../base/lock.ts';
import { formatSecond } from '../base/log.ts';
import type { Jail } from '../config/jail.ts';
import { alarmsOf, printSource } from '../source/health.ts';
import { expandGlob } from '../source/logfile/glob.ts';
import { runLockPath } from '../state/file.ts';
import type { State } from '../state/state.ts';
import type { Call, Subcommand } from './command.ts';
import { configOf, findJail, readOnlyState, statePathOf } from './context.ts';
import { printBans, printOverview, printStatus, statusOf } from './jailstatus.ts';

/** `f2b status`: lists the jails, or one jail's counts and bans. */
export const status: Subcommand = {
  name: 'status',
  summary: "show the jails, or one jail's failures and bans",
  usage: '[JAIL.. | --all] [--sources | --bans]',
  options: [
    { name: 'all', help: 'show every jail' },
    { name: 'sources', help: 'show the log sources in place of the bans' },
    { name: 'bans', help: 'list the bans only: since, until, how often, next time' },
  ],
  about: `Works with and without a running daemon. A ban that the firewall has not confirmed is named with the reason.
--sources tells of each log when its last line and its last match came, and what is suspicious about it: silence, errors, lines
that no longer look as the filter expects. What the daemon knew when it last saved is shown.`,
  examples: [
    ['f2b status', 'the jails'],
    ['f2b status sshd', 'one jail'],
    ['f2b status sshd --sources', 'does it still see its log?'],
    ['f2b status sshd --bans', 'each ban with its end, and how long the next one would be'],
    ['f2b status --json sshd', 'the same for programs, with the end of each ban'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    const config = configOf(call);
    if (words.length > 0 && options['all'] === true) throw new UsageError('--all takes no jail');
    const isAll =
      options['all'] === true || (words.length === 0 && (options['sources'] ?? options['bans']) === true);
    const jails = isAll ? config.jails : words.map((name) => findJail(config, name));
    const state = readOnlyState(call);
    if (options['sources'] === true) return showSources(call, jails, state);
    const statuses = jails.map((jail) => statusOf(jail, state, existingFiles(jail), io.now()));
    const names = config.jails.map(({ name }) => name).sort();
    if (global.json) {
      const repairs = Object.fromEntries(state.repairs);
      const overview = { running: runningPid(statePathOf(global, io)), jails: names, repairs };
      io.stdout(`${JSON.stringify(jails.length === 0 ? overview : statuses)}\n`);
      return 0;
    }
    if (options['bans'] === true) {
      for (const one of statuses) io.stdout(printBans(one, formatSecond));
      return 0;
    }
    if (words.length === 0) io.stdout(printOverview(names, state.repairs));
    for (const one of statuses) io.stdout(printStatus(one));
    return 0;
  },
};

function showSources({ global, io }: Call, jails: readonly Jail[], state: State): number {
  const names = new Set(jails.map(({ name }) => name));
  const read = [...state.sources].filter(([, { jails: readers }]) =>
    Object.keys(readers).some((name) => names.has(name)),
  );
  const sources = read.map(([name, source]) => ({ name, source, alarms: alarmsOf(name, source, io.now()) }));
  if (global.json) {
    io.stdout(
      `${JSON.stringify(sources.map(({ name, source, alarms }) => ({ name, ...source, alarms })))}\n`,
    );
    return 0;
  }
  for (const { name, source } of sources) io.stdout(printSource(name, source, formatSecond));
  for (const alarm of sources.flatMap(({ alarms }) => alarms)) io.stdout(`warning: ${alarm}\n`);
  if (sources.length === 0) io.stdout('No log source is known yet: f2b run has not saved one\n');
  return 0;
}

function existingFiles(jail: Jail): readonly string[] {
  return [...new Set(jail.logpath.flatMap(({ glob }) => expandGlob(glob)))].filter((path) =>
    existsSync(path),
  );
}

/** The pid of the daemon that runs on this state; null if there is none. */
export function runningPid(statePath: string): number | null {
  const path = runLockPath(statePath);
  return existsSync(path) && isLocked(path) ? lockHolder(path) : null;
}
