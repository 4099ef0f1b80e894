import { chmodSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { programVersion } from '../../base/embedded.ts';
import { codeOf, MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { runningPid } from '../../state/runlock.ts';
import type { Subcommand } from '../command.ts';
import { configOf, readOnlyState, statePathOf } from '../context.ts';
import { measure } from './measure.ts';
import { printMetrics } from './text.ts';

/** `f2b metrics`: what f2b knows, for Prometheus. */
export const metrics: Subcommand = {
  name: 'metrics',
  summary: 'print what is counted, for Prometheus',
  usage: '[--textfile PATH]',
  options: [{ name: 'textfile', value: 'PATH', help: 'write it to PATH in one step, for the node exporter' }],
  about: `Prints counters and gauges of every enabled jail and log in Prometheus' text form: failures, bans, bans that stand or wait, bytes read, lag, errors,
rotations, lines on which a regex took too long, repairs of firewalls, size and time of the state. They are as of the last time that the daemon saved,
which is within a second of a change.`,
  examples: [
    ['f2b metrics', 'all of it'],
    ['f2b metrics --textfile /var/lib/prometheus/node-exporter/f2b.prom', 'from cron or a timer'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    if (words.length > 0) throw new UsageError('metrics takes no arguments', 'see: f2b help metrics');
    const path = statePathOf(global, io);
    const { jails } = configOf(call);
    const all = measure(readOnlyState(call), jails, {
      version: programVersion(),
      isRunning: runningPid(path) !== null,
      stateBytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0,
      now: io.now(),
    });
    const file = options['textfile'];
    if (global.json) io.stdout(`${JSON.stringify(all)}\n`);
    else if (typeof file !== 'string') io.stdout(printMetrics(all));
    else if (!global.dryRun) replace(file, printMetrics(all));
    return 0;
  },
};

/** Readers see the old text or the new one; they are other users. */
function replace(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  try {
    writeFileSync(fresh, text, { flag: 'wx', mode: 0o644 });
    chmodSync(fresh, 0o644);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw new MachineError(`cannot write ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}
