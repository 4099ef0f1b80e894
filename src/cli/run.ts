import { resolve } from 'node:path';
import { MachineError, UsageError } from '../base/errors.ts';
import { stampOf } from '../base/files.ts';
import { LEVELS, type Level, type Log, openLog } from '../base/log.ts';
import { loadConfig } from '../config/config.ts';
import type { Settings } from '../config/settings.ts';
import { type Control, type ControlPaths, openControl } from '../daemon/control/control.ts';
import { hostOf } from '../daemon/control/hosting.ts';
import { Daemon } from '../daemon/daemon.ts';
import { Messages } from '../daemon/messages.ts';
import { readsJournalInstead } from '../source/journal/journal.ts';
import { loadState, lockState, prepareFolder, UnreadStateError } from '../state/file.ts';
import { NO_NOTE, type RunLock, runningPid, takeRunLock } from '../state/runlock.ts';
import { runtimePath } from '../state/runtime.ts';
import { emptyState } from '../state/state.ts';
import type { Call, Subcommand } from './command.ts';
import { runnerOf, servicesText, statePathOf, treeOf } from './context.ts';
import { restoreBans } from './restore.ts';

/** Milliseconds that `--once` waits until all sources are read to their ends. */
const ONCE_MS = 300_000;

/** Seconds to wait for the lock: `status` holds it for an instant, and so does a process that is ending. */
const RUN_LOCK_WAIT = 3;

/** `f2b run`: the daemon in the foreground; `--once` for cron and timers. */
export const run: Subcommand = {
  name: 'run',
  summary: 'follow the logs and ban, in the foreground',
  usage: '[--once | --restore]',
  options: [
    { name: 'once', help: 'process what is new since last time, then end' },
    { name: 'restore', help: 'have the bans of the state stand, then end' },
    { name: 'poll', value: 'SECONDS', help: 'interval at which log files are looked at (1)' },
    { name: 'lift', help: 'when stopped, lift all bans until the next start' },
    { name: 'loglevel', value: 'LEVEL', help: LEVELS.join(', ').toLowerCase() },
    { name: 'logtarget', value: 'TARGET', help: 'as in fail2ban.conf: a file, STDERR or STDOUT' },
    { name: 'socket', value: 'FILE', help: "answer fail2ban's clients there (socket of fail2ban.conf)" },
    { name: 'pidfile', value: 'FILE', help: 'write the process id there (pidfile of fail2ban.conf)' },
  ],
  about: `Reads the logs of all enabled jails from where they were left, counts failures, bans at the firewall, and lifts
bans when their time is up. SIGTERM and SIGINT stop it, bans stay (with --lift they stand
again at the next start); SIGHUP reads the configuration anew, SIGUSR1 opens the log file anew.
With --dry-run it prints the commands that it would execute, and leaves state and firewall alone.
With --restore it reads no log and asks for no name: for the boot, before the network comes (share/f2b-restore.service).
With --once the exit code is 1 when a ban could not be enforced or the state could not be saved, 2 when a jail is broken.`,
  examples: [
    ['f2b run', 'in the foreground, log lines on standard error'],
    ['f2b run --log /var/log/f2b.log', 'the same, log lines in a file'],
    ['f2b run --once', 'for cron or a systemd timer'],
    ['f2b run --dry-run --config ./etc', 'try a configuration'],
  ],
  async run(call) {
    // Without a handler these signals end the process. An early one is ignored: the start is about to read the
    // configuration and open the log anyway.
    process.on('SIGUSR1', () => undefined);
    if (call.options['once'] !== true) process.on('SIGHUP', () => undefined);
    if (call.words.length > 0) throw new UsageError(`run takes no arguments: ${call.words.join(' ')}`);
    const path = statePathOf(call.global, call.io);
    if (call.options['restore'] === true && call.options['once'] === true)
      throw new UsageError('--once and --restore exclude each other');
    if (call.global.dryRun)
      return call.options['restore'] === true ? restoreBans(call) : runDaemon(call, path, null);
    makeFolder(path);
    const lock = onlyOne(path);
    try {
      return await (call.options['restore'] === true ? restoreBans(call) : runDaemon(call, path, lock));
    } finally {
      lock.release();
    }
  },
};

/** Without the folder the daemon goes on in memory; it tries again, and says so then. */
function makeFolder(path: string): void {
  try {
    prepareFolder(path);
  } catch {
    // Told when the state cannot be saved.
  }
}

function onlyOne(path: string): RunLock {
  const lock = takeRunLock(path, RUN_LOCK_WAIT);
  if (lock !== null) return lock;
  const pid = runningPid(path);
  throw new MachineError(`f2b already runs on ${path}${pid === null ? '' : `, as process ${pid}`}`);
}

/** Each name without an answer keeps a thread for seconds; libuv makes four, at their first use. */
const THREADS = '16';

async function runDaemon(call: Call, statePath: string, lock: RunLock | null): Promise<number> {
  process.env['UV_THREADPOOL_SIZE'] ??= THREADS;
  const { global, io, options } = call;
  const once = options['once'] === true;
  const services = servicesText();
  const load = () => loadConfig(treeOf(call), { services, usesJournal: readsJournalInstead });
  let first: ReturnType<typeof load> | null = load();
  const { problems: known, settings } = first;
  const target = logTarget(call, wantedTarget(call, settings));
  const isNewLog = target !== null && stampOf(target) === 'ENOENT';
  const log = openLog(target, levelOf(options['loglevel'], settings.loglevel));
  // A jail such as recidive may read this log: it exists only now.
  if (isNewLog) first = null;
  process.on('SIGUSR1', () => log.reopen());
  const loaded = openState(statePath, global.dryRun);
  for (const warning of loaded.warnings) new Messages(log).stateDamaged(warning);
  const ending = whenAsked();
  let told = NO_NOTE;
  let control: Control | null = null;
  const daemon = new Daemon({
    load: () => {
      const answer = first ?? load();
      first = null;
      return answer;
    },
    statePath,
    state: loaded.state,
    stamp: loaded.stamp,
    isUnread: loaded.isUnread,
    log,
    onReload: (changed) => {
      adjustLog(call, log, changed);
      void control?.retry();
    },
    tell: (note) => lock?.tell((told = note)),
    run: runnerOf(call),
    env: io.env,
    pollMs: pollMs(options['poll']),
    once,
    dryRun: global.dryRun,
    now: io.now,
  });
  if (!once) listenToSignals(daemon, ending);
  await daemon.start();
  const host = hostOf(daemon, { statePath, state: loaded.state, log, now: io.now, stop: ending.askAndWait });
  const isServing = !once && !global.dryRun;
  control = isServing ? await openControl(controlPaths(call, settings), host, new Messages(log)) : null;
  if (once) await daemon.drain(ONCE_MS);
  else await ending.asked;
  await daemon.stop(options['lift'] === true && !once);
  ending.ended();
  await control?.close();
  if (!once) return 0;
  lock?.tell({ ...told, once: io.now() });
  if (!global.dryRun && !daemon.isFinished) return 1;
  const problems = [...known, ...daemon.problems];
  return problems.some((one) => one.severity === 'error') ? 2 : 0;
}

function openState(path: string, isDry: boolean) {
  if (isDry) return { ...loadState(path, false), stamp: '', isUnread: false };
  const lock = lockState(path);
  try {
    return { ...loadState(path, true), stamp: stampOf(path), isUnread: false };
  } catch (error) {
    if (!(error instanceof UnreadStateError)) throw error;
    // Told when the state cannot be saved: it is read before.
    return { state: emptyState(), warnings: [], stamp: '', isUnread: true };
  } finally {
    lock.release();
  }
}

/** The end of the daemon: a signal or a command asks for it, and the command learns when it is done. */
function whenAsked() {
  const asked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const askAndWait = (): Promise<void> => {
    asked.resolve();
    return done.promise;
  };
  return { asked: asked.promise, askAndWait, ended: done.resolve };
}

/** SIGHUP reloads. A second signal to stop ends the process at once. */
function listenToSignals(daemon: Daemon, { askAndWait }: ReturnType<typeof whenAsked>): void {
  process.on('SIGHUP', () => void daemon.reload());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void askAndWait());
}

/** f2b's own socket, fail2ban's where it is named, and the pidfile. */
function controlPaths({ global, io, options }: Call, settings: Settings): ControlPaths {
  const named = (name: string): string | null => {
    const value = options[name];
    return typeof value === 'string' ? value : (settings.options.get(name) ?? null);
  };
  const own = ownSocket(statePathOf(global, io));
  const socket = named('socket');
  return { sockets: [own, socket].filter((path) => path !== null), pidfile: named('pidfile') };
}

function ownSocket(statePath: string): string | null {
  try {
    return runtimePath(statePath, 'sock');
  } catch {
    return null;
  }
}

function wantedTarget({ options }: Call, { logtarget }: Settings): string | null {
  const given = options['logtarget'];
  if (typeof given !== 'string') return logtarget;
  return /^(?:std|sys)\w*(?:-journal)?$/i.test(given) ? given.toUpperCase() : resolve(given);
}

/** What the command line says goes before what fail2ban.conf says by now. */
function adjustLog(call: Call, log: Log, settings: Settings): void {
  const { global, options } = call;
  if (typeof options['loglevel'] !== 'string') log.setLevel(levelOf(undefined, settings.loglevel));
  const wanted = wantedTarget(call, settings);
  const target = wanted?.startsWith('/') ? wanted : null;
  if (global.log === null && target !== log.target) log.setTarget(target);
}

/** The log file; null = standard error. Announces a file that only the configuration names. */
function logTarget({ global, io }: Call, configured: string | null): string | null {
  if (global.log !== null || global.dryRun || configured === null) return global.log;
  if (!configured.startsWith('/')) {
    const isUsual = /^(?:STDOUT|STDERR|SYSTEMD-JOURNAL)$/i.test(configured);
    if (!isUsual) io.stderr(`f2b: logtarget ${configured}: log lines go to standard error\n`);
    return null;
  }
  io.stderr(`f2b: log lines go to ${configured} (logtarget of fail2ban.conf; --log FILE says otherwise)\n`);
  return configured;
}

function levelOf(given: string | boolean | undefined, configured: string): Level {
  const wanted = typeof given === 'string' ? given : configured;
  const level = LEVELS.find((one) => one === wanted.toUpperCase());
  if (level !== undefined) return level;
  if (/^(?:TRACE|HEAVY)DEBUG$/i.test(wanted)) return 'DEBUG';
  throw new UsageError(`cannot read "${wanted}" as a log level`, `one of ${LEVELS.join(', ').toLowerCase()}`);
}

function pollMs(given: string | boolean | undefined): number {
  if (typeof given !== 'string') return 1000;
  const seconds = Number(given);
  if (Number.isFinite(seconds) && seconds >= 0.01 && seconds <= 3600) return Math.round(seconds * 1000);
  throw new UsageError(`cannot read "${given}" as an interval`, 'write seconds, from 0.01 to 3600');
}
