/** The daemon as a process of its own in the victim's namespace of a test bed, with one jail that reads one log. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, type Output, run } from '../../src/base/process.ts';
import { readState } from '../../src/state/json.ts';
import { emptyState, type State } from '../../src/state/state.ts';
import { program } from './need.ts';
import { eventually, type Testbed } from './testbed.ts';

export type Running = {
  readonly folder: string;
  /** Lines `fail ADDRESS` of now, appended to the log in one write. */
  fail(...addresses: readonly string[]): void;
  /** Starts `f2b run` with these words and waits until it has read its log to the end. */
  start(...words: readonly string[]): Promise<void>;
  /** Ends the daemon and waits for it; its exit code, null when the signal killed it or nothing ran. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** The daemon's process. */
  pid(): number;
  /** Runs another f2b command. */
  f2b(...words: readonly string[]): Promise<Output>;
  /** Everything logged so far. */
  log(): string;
  /** Lines logged so far that match. */
  logged(pattern: RegExp): readonly string[];
  /** The state as saved; an empty one before the first time. */
  state(): State;
  /**
   * Waits until the state says that these are banned and that the firewall has them. The kernel knows that before the state's
   * file does: whoever asks a command about a ban waits for this first, not for a packet or a line of the log.
   */
  standing(...ids: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

export type RunningOptions = {
  /** Lines of the jail `web` beside filter, logpath and port. */
  readonly jail: readonly string[];
  /** More environment, such as another PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the daemon's own, such as `strace -f`. */
  readonly prefix?: readonly string[];
};

/** Makes folder and configuration; nothing runs yet. Must be closed. */
export function makeRunning(bed: Testbed, { jail, env = {}, prefix = [] }: RunningOptions): Running {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-running-'));
  const logPath = join(folder, 'web.log');
  const statePath = join(folder, 'state', 'state.json');
  const ownLog = join(folder, 'f2b.log');
  for (const part of ['filter.d', 'jail.d']) mkdirSync(join(folder, 'etc', part), { recursive: true });
  writeFileSync(join(folder, 'etc/filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <SUBNET>$\n');
  const lines = ['[web]', 'enabled = true', 'filter = web', `logpath = ${logPath}`, 'port = 8080', ...jail];
  writeFileSync(join(folder, 'etc/jail.d/web.conf'), `${lines.join('\n')}\n`);
  writeFileSync(logPath, '');
  writeFileSync(ownLog, '');
  const globals = ['--config', join(folder, 'etc'), '--state', statePath];
  const inVictim = ['ip', 'netns', 'exec', bed.victim, ...prefix, ...program];
  let child: ChildProcess | null = null;
  const running: Running = {
    folder,
    fail(...addresses) {
      const date = new Date().toISOString().slice(0, 19);
      appendFileSync(logPath, addresses.map((address) => `${date}+00:00 fail ${address}\n`).join(''));
    },
    async start(...words) {
      const before = running.logged(/Jail 'web' started/).length;
      const [program = '', ...args] = [...inVictim, 'run', '--log', ownLog, ...globals, ...words];
      const started = spawn(program, args, {
        env: { ...process.env, ...bed.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      child = started;
      let said = '';
      started.stderr.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      await eventually('the daemon works', () => {
        if (started.exitCode !== null) throw new Error(`the daemon ended: ${said}${running.log()}`);
        return running.logged(/Jail 'web' started/).length > before;
      });
    },
    async stop(signal = 'SIGTERM') {
      const ending = child;
      if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return null;
      const gone = new Promise((resolve) => ending.once('exit', resolve));
      ending.kill(signal);
      await gone;
      return ending.exitCode;
    },
    pid: () => child?.pid ?? 0,
    f2b: (...words) =>
      run(command(['ip', 'netns', 'exec', bed.victim, ...program, ...words, ...globals]), 60, {
        env: { ...bed.env, ...env },
      }),
    log: () => readFileSync(ownLog, 'utf8'),
    logged: (pattern) =>
      readFileSync(ownLog, 'utf8')
        .split('\n')
        .filter((line) => pattern.test(line)),
    state() {
      if (!existsSync(statePath)) return emptyState();
      const read = readState(readFileSync(statePath, 'utf8'));
      if (read.kind !== 'ok') throw new Error(`the state is ${read.kind}`);
      return read.state;
    },
    standing: (...ids) =>
      eventually(
        () => `saved as standing: ${ids}\n${readIfThere(statePath).slice(0, 4000)}\n${tail(running.log())}`,
        () => {
          const bans = running.state().jails.get('web')?.bans;
          return ids.every((id) => bans?.get(id)?.pending === null);
        },
      ),
    async close() {
      await running.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return running;
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : `no ${path}`;
}

/** The last lines of a text. */
function tail(text: string): string {
  return text.split('\n').slice(-30).join('\n');
}
