import { MachineError, UsageError } from '../base/errors.ts';
import type { Call, Subcommand } from './command.ts';
import { statePathOf } from './context.ts';
import { runningPid } from './status.ts';

/** Milliseconds that `stop` waits for the daemon to finish. */
const STOP_MS = 60_000;

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
  about: 'Sends SIGHUP. Counts, bans and log positions stay; try "f2b check" first.',
  examples: [['f2b check && f2b reload', 'only when nothing is wrong']],
  async run(call) {
    process.kill(daemonOf(call), 'SIGHUP');
    call.io.stdout('OK\n');
    return 0;
  },
};

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
    call.io.stdout('Shutdown successful\n');
    return 0;
  },
};

function daemonOf(call: Call): number {
  if (call.words.length > 0) throw new UsageError(`no arguments are taken: ${call.words.join(' ')}`);
  const path = statePathOf(call.global, call.io);
  const pid = runningPid(path);
  if (pid === null) throw new MachineError(`no f2b runs on ${path}`);
  return pid;
}
