/** f2b and fail2ban-server, each with one jail `sshd` over one log, the same stock filter, and an action that does nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, findProgram } from '../test/testbed/need.ts';
import { syslogStamp } from './logs.ts';

/** How a program learns that its log has grown: `auto` is inotify where the program can. */
export type Backend = 'auto' | 'polling';

export type Server = {
  readonly name: string;
  /** The log that the jail reads. */
  readonly input: string;
  /** Begins to run; answers at once. */
  start(): void;
  /** What the program has logged since this was last asked. */
  news(): string;
  /** Processor seconds of the program so far, its threads and ended children included. */
  processor(): number;
  /** The program and words with which a user asks it something. */
  client(...words: readonly string[]): readonly [string, ...string[]];
  /** Kills it, and waits until it is gone. */
  close(): Promise<void>;
};

/** A jail's settings beside filter, log and action. */
export type Settings = { readonly maxretry: number; readonly backend: Backend };

const STOCK = '/etc/fail2ban/filter.d';

/** Whether fail2ban is there to be compared with; its filter is what both use then. */
export const hasOriginal = findProgram('fail2ban-server') !== null && existsSync(join(STOCK, 'sshd.conf'));

type Parts = {
  readonly name: string;
  readonly folder: string;
  readonly argv: readonly [string, ...string[]];
  readonly client: (...words: readonly string[]) => readonly [string, ...string[]];
};

function jailText(folder: string, action: string, { maxretry, backend }: Settings): string {
  const lines = ['[sshd]', 'enabled = true', 'filter = sshd', `logpath = ${folder}/auth.log`];
  const limits = [`maxretry = ${maxretry}`, 'findtime = 10m', 'bantime = 1h', 'usedns = no'];
  return `${[...lines, ...limits, `backend = ${backend}`, `action = ${action}`].join('\n')}\n`;
}

function makeServer({ name, folder, argv, client }: Parts): Server {
  const log = join(folder, 'own.log');
  for (const path of [log, join(folder, 'auth.log')]) writeFileSync(path, '');
  const fd = openSync(log, 'r');
  const buffer = Buffer.alloc(2 ** 20);
  let child: ChildProcess | null = null;
  return {
    name,
    input: join(folder, 'auth.log'),
    client,
    start() {
      const [program, ...args] = argv;
      child = spawn(program, args, { stdio: 'ignore' });
    },
    news() {
      let text = '';
      for (;;) {
        const length = readSync(fd, buffer);
        text += buffer.toString('latin1', 0, length);
        if (length < buffer.length) return text;
      }
    },
    processor() {
      const stat = readFileSync(`/proc/${child?.pid}/stat`, 'utf8').replace(/^.*\) /, '');
      const ticks = stat.split(' ').slice(11, 15).map(Number);
      return ticks.reduce((sum, one) => sum + one, 0) / 100;
    },
    async close() {
      closeSync(fd);
      if (child !== null && child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child?.once('exit', resolve));
        child.kill('SIGKILL');
        await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** f2b, as built; nothing runs yet. Must be closed. */
export function f2b(settings: Settings): Server {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
  const etc = join(folder, 'etc');
  mkdirSync(join(etc, 'jail.d'), { recursive: true });
  cpSync(hasOriginal ? STOCK : join(import.meta.dirname, '../filter.d'), join(etc, 'filter.d'), {
    recursive: true,
    dereference: true,
  });
  writeFileSync(join(etc, 'jail.d/bench.conf'), jailText(folder, 'dummy', settings));
  const globals = ['--config', etc, '--state', join(folder, 'state.json')];
  return makeServer({
    name: 'f2b',
    folder,
    argv: [binary, 'run', ...globals, '--log', join(folder, 'own.log')],
    client: (...words) => [binary, ...words, ...globals],
  });
}

/** fail2ban-server with folder, socket and database of its own; nothing runs yet. Must be closed. */
export function fail2ban(settings: Settings): Server {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
  const etc = join(folder, 'etc');
  cpSync('/etc/fail2ban', etc, { recursive: true, dereference: true });
  for (const part of ['jail.d', 'jail.local', 'fail2ban.d'])
    rmSync(join(etc, part), { recursive: true, force: true });
  // Without commands, so that no shell is started either.
  writeFileSync(join(etc, 'action.d/nothing.conf'), '[Definition]\nactionban =\nactionunban =\n');
  writeFileSync(join(etc, 'jail.local'), jailText(folder, 'nothing', settings));
  writeFileSync(
    join(etc, 'fail2ban.local'),
    `[Definition]\nsocket = ${folder}/sock\npidfile = ${folder}/pid\ndbfile = ${folder}/db\nlogtarget = ${folder}/own.log\nloglevel = INFO\n`,
  );
  const own = ['-c', etc, '-s', join(folder, 'sock'), '-p', join(folder, 'pid')];
  return makeServer({
    name: 'fail2ban',
    folder,
    argv: ['fail2ban-server', ...own, '-xf', 'start'],
    client: (...words) => ['fail2ban-client', ...own, ...words],
  });
}

/** Looks at the news of a server until a text is in them: the milliseconds that it took, and all that was read. Throws at the limit. */
export async function heard(
  server: Server,
  text: string,
  limitMs = 60_000,
): Promise<{ readonly ms: number; readonly all: string }> {
  const begin = performance.now();
  let all = '';
  for (;;) {
    all += server.news();
    const ms = performance.now() - begin;
    if (all.includes(text)) return { ms, all };
    if (ms > limitMs) throw new Error(`${server.name}: no "${text}" within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Appends so many failures of each address, dated now. */
export function attack(server: Server, addresses: readonly string[], failures: number): void {
  const date = syslogStamp(Date.now() / 1000);
  const line = (who: string, i: number): string =>
    `${date} web1 sshd[${9000 + i}]: Failed password for root from ${who} port 4022 ssh2\n`;
  const text = addresses.map((who) => Array.from({ length: failures }, (_, i) => line(who, i)).join(''));
  appendFileSync(server.input, text.join(''));
}
