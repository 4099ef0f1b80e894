import { MachineError, UsageError } from '../base/errors.ts';
import {
  holdsRunLock,
  monotonicSeconds,
  type ReloadNote,
  readDaemonNote,
  runningPid,
} from '../state/runlock.ts';
import type { Call, Subcommand } from './command.ts';
import { statePathOf } from './context.ts';

/** Milliseconds that `stop` waits for the daemon to finish. */
const STOP_MS = 60_000;
/** How long `reload` waits for the daemon's answer, in milliseconds: actions that stop may take half a minute. */
const RELOAD_MS = 120_000;

/** `f2b ping`: tells whether a daemon runs on the state. */
export const ping: Subcommand = {
  name: 'ping',
  summary: 'tell whether a daemon runs',
  usage: '',
  options: [],
  about: '',
  examples: [['f2b ping', 'exit code 0 when one runs, 1 when none does']],
  async run(call) {
    const pid = daemonOf(call);
    call.io.stdout(call.global.json ? `${JSON.stringify({ pid })}\n` : 'Server replied: pong\n');
    return 0;
  },
};

/** `f2b reload`: makes the daemon read its configuration again. */
export const reload: Subcommand = {
  name: 'reload',
  summary: 'have the running daemon read its configuration anew',
  usage: '',
  options: [],
  about: `Sends SIGHUP and waits for the daemon's answer. Counts, bans and log positions stay. A jail whose new settings have
errors goes on with its earlier ones: the errors are printed, and the exit code is 2.`,
  examples: [['f2b check && f2b reload', 'only when nothing is wrong']],
  async run(call) {
    const pid = daemonOf(call);
    const since = monotonicSeconds();
    process.kill(pid, 'SIGHUP');
    const note = await answerOf(pid, statePathOf(call.global, call.io), since);
    for (const line of note.errors) call.io.stderr(`f2b: ${line.replaceAll('\n', '\n     ')}\n`);
    if (call.global.json) call.io.stdout(`${JSON.stringify(note)}\n`);
    else call.io.stdout(printReload(note));
    return note.errors.length > 0 ? 2 : 0;
  },
};

/** What a reload changed, a line a kind; `OK` before it where nothing was wrong. */
function printReload({ errors, added, removed, changed }: ReloadNote): string {
  const kinds = Object.entries({ added, removed, changed }).filter(([, names]) => names.length > 0);
  const lines = kinds.map(([kind, names]) => `${kind}: ${names.join(', ')}`);
  return [...(errors.length === 0 ? ['OK'] : []), ...lines].map((line) => `${line}\n`).join('');
}

/** The first reload that began after `since`. */
async function answerOf(pid: number, path: string, since: number): Promise<ReloadNote> {
  const end = performance.now() + RELOAD_MS;
  for (;;) {
    const reload = readDaemonNote(path)?.reload ?? null;
    if (reload !== null && reload.began >= since) return reload;
    if (runningPid(path) !== pid) throw new MachineError(`process ${pid} ended before it answered`);
    if (performance.now() > end)
      throw new MachineError(`process ${pid} has not answered within ${RELOAD_MS / 1000} s: see its log`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `f2b stop`: ends the daemon. */
export const stop: Subcommand = {
  name: 'stop',
  summary: 'end the running daemon; bans stay',
  usage: '',
  options: [],
  about: 'Sends SIGTERM and waits until the daemon has saved its state.',
  examples: [['f2b stop', '']],
  async run(call) {
    const pid = daemonOf(call);
    process.kill(pid, 'SIGTERM');
    const end = performance.now() + STOP_MS;
    while (runningPid(statePathOf(call.global, call.io)) === pid) {
      if (performance.now() > end)
        throw new MachineError(`process ${pid} has not ended within ${STOP_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    call.io.stdout(call.global.json ? `${JSON.stringify({ stopped: pid })}\n` : 'Shutdown successful\n');
    return 0;
  },
};

function daemonOf(call: Call): number {
  if (call.words.length > 0) throw new UsageError(`no arguments are taken: ${call.words.join(' ')}`);
  const path = statePathOf(call.global, call.io);
  const pid = runningPid(path);
  if (pid === null || !holdsRunLock(path, pid)) throw new MachineError(`no f2b runs on ${path}`);
  return pid;
}
