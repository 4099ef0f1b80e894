import { newPart } from '../ban/ignore.ts';
import { ignoredBans, ignoredBansText } from '../ban/ignoredbans.ts';
import { IgnoreFiles } from '../ban/ignorefiles.ts';
import { UsageError } from '../base/errors.ts';
import { formatSecond } from '../base/log.ts';
import { isList } from '../base/pickle.ts';
import { clean } from '../base/visible.ts';
import type { Config } from '../config/config.ts';
import { logFiles } from '../daemon/control/statusword.ts';
import { ignoreListOf, ownAddresses } from '../daemon/jails.ts';
import { alarmsOf, printSource } from '../source/health.ts';
import { leftOutText, pathsOf } from '../source/logfile/glob.ts';
import { UnreadStateError } from '../state/file.ts';
import { type DaemonNote, lastOnce, readDaemonNote, runningPid } from '../state/runlock.ts';
import { emptyState, type State } from '../state/state.ts';
import type { Call, Subcommand } from './command.ts';
import { configOf, findJail, firewallPlanOf, limitsOfHost, readOnlyState, statePathOf } from './context.ts';
import { brokenStatusOf, printBans, printOverview, printStatus, statusOf } from './jailstatus.ts';
import { askDaemon } from './set.ts';

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
  about: `Works with and without a running daemon; where none runs and no pass of run --once has ended within a quarter of an hour, the
list of jails ends with exit code 3. A ban that the firewall has not confirmed is named with the reason.
--sources tells of each log when its last line and its last match came, and what is suspicious about it: silence, errors, lines
that no longer look as the filter expects. What the daemon knew when it last saved is shown.`,
  examples: [
    ['f2b status', 'the jails'],
    ['f2b status sshd', 'one jail'],
    ['f2b status sshd --sources', 'does it still see its log?'],
    ['f2b status --bans', 'every ban of every jail, since when and until when'],
    ['f2b status sshd --bans', 'each ban with its end, and how long the next one would be'],
    ['f2b status --json sshd', 'the same for programs, with the end of each ban'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    const config = configOf(call);
    if (words.length > 0 && options['all'] === true) throw new UsageError('--all takes no jail');
    const isAll =
      options['all'] === true ||
      (words.length === 0 && (options['sources'] === true || options['bans'] === true));
    const path = statePathOf(global, io);
    const note = readDaemonNote(path);
    const broken = brokenJails(config, note);
    const wanted = isAll ? [...config.jails.map(({ name }) => name), ...broken.keys()] : words;
    const state = readState(call, note);
    // Of a broken jail is told what is known; of one that never worked, what is wrong with it.
    for (const name of words) if (!broken.has(name) || !state.jails.has(name)) findJail(config, name);
    if (options['sources'] === true) return showSources(call, wanted, state);
    const limits = wanted.length === 0 ? [] : await limitsOfHost(firewallPlanOf(config.blocking), io);
    const live = await liveFiles(call, wanted);
    const statuses = wanted.map((name) => {
      const jail = config.jails.find((one) => one.name === name);
      const why = broken.get(name);
      if (jail === undefined || why !== undefined) return brokenStatusOf(name, why ?? '', state, io.now());
      const own = limits.filter((one) => one.jail === name).map(({ text }) => text);
      return { ...statusOf(jail, state, live.get(name) ?? logFiles(jail), io.now()), limits: own };
    });
    const names = [...new Set([...config.jails.map(({ name }) => name), ...(note?.kept ?? [])])].sort();
    const unsaved = note?.unsaved ?? null;
    const code = words.length === 0 ? tellUnlessRunning(call, path) : 0;
    if (global.json) {
      const repairs = Object.fromEntries(state.repairs);
      const running = runningPid(path);
      const overview = { running, jails: names, repairs, unsaved, broken: Object.fromEntries(broken) };
      io.stdout(`${JSON.stringify(wanted.length === 0 ? overview : statuses)}\n`);
      return code;
    }
    if (options['bans'] === true) {
      io.stdout(printBans(statuses, formatSecond));
      return 0;
    }
    if (words.length === 0) io.stdout(printOverview({ names, repairs: state.repairs, broken, unsaved }));
    for (const one of statuses) io.stdout(printStatus(one));
    for (const text of leftOut(config, wanted)) io.stdout(`warning: ${text}\n`);
    for (const text of ignoredOf(config, wanted, { state, now: io.now() })) io.stdout(`warning: ${text}\n`);
    return code;
  },
};

/** A pass of `run --once` that is no older, in seconds, says that a timer or cron runs f2b. */
const RECENT = 900;
/** The exit code of a status without a daemon, as of service scripts (LSB). */
const NOT_RUNNING = 3;

/** Says that no daemon runs, and answers the exit code: 0 where `run --once` has just done the work. */
function tellUnlessRunning({ io }: Call, path: string): number {
  if (runningPid(path) !== null) return 0;
  const once = lastOnce(path);
  if (once !== null && io.now() - once < RECENT) {
    io.stderr(`f2b: no daemon runs; the last pass of f2b run --once ended at ${formatSecond(once)}\n`);
    return 0;
  }
  io.stderr(`f2b: NO DAEMON RUNS on ${path}: no log is read, and nobody new is banned\n`);
  if (once !== null) io.stderr(`f2b: the last pass of f2b run --once ended at ${formatSecond(once)}\n`);
  return NOT_RUNNING;
}

/** The state; an empty one where its file cannot be read and a daemon goes on in memory. */
function readState(call: Call, note: DaemonNote | null): State {
  try {
    return readOnlyState(call);
  } catch (error) {
    if (!(error instanceof UnreadStateError) || (note?.unsaved ?? null) === null) throw error;
    call.io.stderr(`f2b: ${error.message}: counts and bans are not known\n`);
    return emptyState();
  }
}

/** Enabled jails whose settings have errors, and what becomes of each. */
function brokenJails({ allJails }: Config, note: DaemonNote | null): ReadonlyMap<string, string> {
  const unread = allJails.flatMap(({ name, isEnabled, jail }) => (isEnabled && jail === null ? [name] : []));
  const names = new Set([...unread, ...(note?.kept ?? []), ...(note?.broken ?? [])]);
  const why = (name: string): string => {
    if (note?.kept.includes(name) === true) return 'the daemon goes on with its earlier settings';
    if (note === null || note.broken.includes(name)) return 'it is not started';
    return 'the daemon has not read the errors yet';
  };
  return new Map([...names].map((name) => [name, `its settings have errors, see f2b check; ${why(name)}`]));
}

function showSources({ global, io }: Call, jails: readonly string[], state: State): number {
  const names = new Set(jails);
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
  for (const alarm of sources.flatMap(({ alarms }) => alarms)) io.stdout(`warning: ${clean(alarm)}\n`);
  if (sources.length === 0) io.stdout('No log source is known yet: f2b run has not saved one\n');
  return 0;
}

/** Bans of addresses that are ignored now, with the command that lifts them. */
function ignoredOf(
  { jails }: Config,
  names: readonly string[],
  { state, now }: { readonly state: State; readonly now: number },
): readonly string[] {
  const shared = { own: newPart(ownAddresses()), files: new IgnoreFiles() };
  return jails.flatMap((jail) => {
    const bans = state.jails.get(jail.name)?.bans;
    if (bans === undefined || bans.size === 0 || !(names.length === 0 || names.includes(jail.name)))
      return [];
    const ids = ignoredBans(ignoreListOf(jail, shared, []), bans, now);
    if (ids.length === 0) return [];
    const { text, hint } = ignoredBansText(jail.name, ids);
    return [`[${jail.name}] ${text}\n  ${hint}`];
  });
}

/** What the jails do not read since a glob matches too many files. */
function leftOut({ jails }: Config, names: readonly string[]): readonly string[] {
  const globs = jails
    .filter(({ name }) => names.includes(name))
    .flatMap(({ logpath }) => logpath.map(({ glob }) => glob));
  return [...new Set(globs)].flatMap((glob) => {
    const { left } = pathsOf(glob);
    return left.length === 0 ? [] : [`${glob}: ${leftOutText(left)}`];
  });
}

/** The log files of the jails, by name, as the running daemon has them. */
async function liveFiles(
  call: Call,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  if (runningPid(statePathOf(call.global, call.io)) === null) return found;
  for (const name of names) {
    const answer = await askDaemon(call, ['get', name, 'logpath']).catch(() => null);
    if (answer !== null && isList(answer.value)) found.set(name, answer.value.map(String));
  }
  return found;
}
