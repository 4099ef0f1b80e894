import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { codeOf, reasonOf } from './errors.ts';
import { isIn, SYSTEM_PATH, safePath } from './programs.ts';

/** A program to run: an argument vector, never a shell line. */
export type Command = {
  readonly argv: readonly [program: string, ...args: string[]];
  /** What it reads, from a file that it can also open by the name /dev/stdin; null = nothing. */
  readonly stdin: string | null;
  /** When true a non-zero exit is no failure of the job (a delete of what may be gone, `ss -K`). */
  readonly mayFail: boolean;
};

/** Makes a Command; without `more` it has no input and must succeed. */
export function command(argv: Command['argv'], more: Partial<Omit<Command, 'argv'>> = {}): Command {
  return { argv, stdin: null, mayFail: false, ...more };
}

/** The output of a program. `exitCode` is null if it was killed or could not be started. */
export type Output = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it did not finish: `timed out after 30 s`, `ENOENT`, ...; null if it did. */
  readonly trouble: string | null;
};

/** How to start a program: words before its argument vector (`ip netns exec NS`), and more environment. */
export type SpawnOptions = {
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes kept of stdout, and as many of stderr; the rest is read and dropped. */
  readonly maxBytes?: number;
  /**
   * Whether its outputs are files as well, which it can open by the names /dev/stdout and /dev/stderr, and which what it leaves
   * running in the background may keep: only its own end is waited for.
   */
  readonly hasFiles?: boolean;
};

/**
 * The whole environment of every program, so that its output always has the same language and number format.
 */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  PATH: safePath(SYSTEM_PATH),
};

/** Whether a program is on the fixed PATH that all programs get. */
export function isOnPath(program: string): boolean {
  return isIn(ENVIRONMENT['PATH'] ?? '', program);
}

/** Process ids of the last programs started here: f2b caused their events itself. */
const recent = new Set<number>();
const RECENT = 64;

/** Whether `run` recently started the process with that id. */
export function wasStartedHere(pid: number): boolean {
  return recent.has(pid);
}

function remember(pid: number | undefined): void {
  if (pid === undefined) return;
  recent.delete(pid);
  recent.add(pid);
  const [oldest = pid] = recent;
  if (recent.size > RECENT) recent.delete(oldest);
}

const MAX_BYTES = 128 * 1024 * 1024;
const GRACE_MS = 2000;
/** How often an output that is a file is looked at. */
const CUT_MS = 100;

/**
 * Runs an argument vector without a shell, in its own process group, and returns its output. Never rejects
 * because of the program: `trouble` says that it could not start, ran longer than `timeoutSeconds` (TERM to
 * the group, then KILL), was killed, or printed more than is kept.
 */
export async function run(
  command: Command,
  timeoutSeconds: number,
  surroundings: SpawnOptions = {},
): Promise<Output> {
  let input: number | null = null;
  try {
    if (command.stdin !== null) input = namelessFile(command.stdin);
    return await start(command, input ?? 'ignore', { timeoutSeconds, ...surroundings });
  } catch (error) {
    return { exitCode: null, stdout: '', stderr: '', trouble: `no file for it: ${reasonOf(error)}` };
  } finally {
    if (input !== null) closeSync(input);
  }
}

/** Folders for inputs and outputs; the later ones are for a host where those before them are full, read-only or too old. */
const FOLDERS: readonly string[] = [tmpdir(), '/run', '/dev/shm'];
const NAMELESS = 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR;

/**
 * A descriptor of a nameless file for root alone that holds the text. Node's own pipes are sockets, which a program cannot
 * open by the name /dev/stdin, as nft before 1.0 does. Throws when no folder takes it.
 */
function namelessFile(text: string, flags = 0): number {
  const bytes = Buffer.from(text);
  let first: unknown;
  for (const folder of FOLDERS) {
    let fd: number | null = null;
    try {
      fd = openSync(folder, NAMELESS | flags, 0o600);
      // Written at its place, so that the descriptor goes on standing at the beginning.
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
      return fd;
    } catch (error) {
      if (fd !== null) closeSync(fd);
      first ??= error;
    }
  }
  throw first;
}

type Limits = SpawnOptions & { readonly timeoutSeconds: number };

function start(command: Command, input: number | 'ignore', limits: Limits): Promise<Output> {
  const { prefix = [], env = {}, maxBytes = MAX_BYTES, timeoutSeconds } = limits;
  const [program = '', ...args] = [...prefix, ...command.argv];
  return new Promise((resolve) => {
    let trouble: string | null = null;
    const said = limits.hasFiles
      ? ([fileCollector(maxBytes), fileCollector(maxBytes)] as const)
      : ([collector(maxBytes), collector(maxBytes)] as const);
    const child = spawn(program, args, {
      env: { ...ENVIRONMENT, ...env },
      detached: true,
      stdio: [input, said[0].stdio, said[1].stdio],
    });
    remember(child.pid);
    const timers: NodeJS.Timeout[] = [];
    let isOver = false;
    const finish = (exitCode: number | null): void => {
      if (isOver) return;
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
      const [stdout, stderr] = said;
      if (trouble === null && (stdout.isFull() || stderr.isFull()))
        trouble = `said more than ${maxBytes} bytes`;
      const texts = { stdout: stdout.text(), stderr: stderr.text() };
      resolve({ exitCode: trouble === null ? exitCode : null, ...texts, trouble });
      for (const one of said) one.close();
    };
    const kill = (signal: NodeJS.Signals): void => killGroup(child.pid, signal);
    timers.push(
      setTimeout(() => {
        trouble = `timed out after ${timeoutSeconds} s`;
        kill('SIGTERM');
        timers.push(setTimeout(() => kill('SIGKILL'), GRACE_MS));
        // A grandchild outside the group may hold the pipes open for ever: do not wait for `close` then.
        timers.push(setTimeout(() => finish(null), 2 * GRACE_MS));
      }, timeoutSeconds * 1000),
    );
    child.on('error', (error) => {
      trouble ??= codeOf(error) || reasonOf(error);
      if (child.pid === undefined) finish(null);
    });
    child.on('close', (exitCode, signal) => {
      if (signal !== null) trouble ??= `killed by ${signal}`;
      finish(exitCode);
    });
    child.stdout?.on('data', said[0].add);
    child.stderr?.on('data', said[1].add);
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group has ended.
  }
}

/** Keeps the first bytes of an output. */
function collector(maxBytes: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    stdio: 'pipe' as const,
    add(chunk: Buffer): void {
      if (size < maxBytes) chunks.push(chunk.subarray(0, maxBytes - size));
      size += chunk.length;
    },
    text: (): string => Buffer.concat(chunks).toString('utf8'),
    isFull: (): boolean => size > maxBytes,
    close: (): void => undefined,
  };
}

/** The same for an output that is a file, which is cut while it grows. */
function fileCollector(maxBytes: number) {
  const fd = namelessFile('', constants.O_APPEND);
  let wasCut = false;
  const cut = (): void => {
    if (fstatSync(fd).size <= maxBytes) return;
    wasCut = true;
    ftruncateSync(fd, maxBytes);
  };
  const timer = setInterval(cut, CUT_MS);
  return {
    stdio: fd,
    add: (): void => undefined,
    text(): string {
      cut();
      const bytes = Buffer.alloc(fstatSync(fd).size);
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
    },
    isFull: (): boolean => wasCut || fstatSync(fd).size > maxBytes,
    close(): void {
      clearInterval(timer);
      closeSync(fd);
    },
  };
}

/** The command as a shell command with its input, as `--dry-run` prints it. Has no final newline. */
export function formatCommand(command: Command): string {
  const line = command.argv.map(quote).join(' ');
  return command.stdin === null ? line : heredoc(line, command.stdin);
}

function heredoc(line: string, text: string): string {
  let end = 'END';
  while (text.split('\n').includes(end)) end += '_';
  const body = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${line} <<'${end}'\n${body}${end}`;
}

function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Why a command failed, for people: `nft: not found`, `nft: Operation not permitted ...`; null if it
 * succeeded.
 */
export function failureOf(command: Command, output: Output): string | null {
  const program = command.argv[0];
  const { exitCode, trouble } = output;
  if (trouble === 'ENOENT') return `${program}: not found, is it installed?`;
  if (trouble === 'EACCES' || trouble === 'EPERM') return `${program}: not permitted to run it (${trouble})`;
  if (trouble !== null) return `${program}: ${trouble}`;
  if (exitCode === 0) return null;
  const said = [output.stderr, output.stdout].find((text) => text.trim() !== '') ?? '';
  const lines = said.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  // iptables-restore of nf_tables prints its name and version in a line of its own.
  const first = (lines[0]?.endsWith(':') ? lines.slice(0, 2).join(' ') : lines[0]) ?? `exit code ${exitCode}`;
  const text = first.startsWith(`${program}: `) ? first : `${program}: ${first}`;
  const number = /\bline (\d+)|^\/dev\/stdin:(\d+):/.exec(first);
  const line = number === null ? undefined : command.stdin?.split('\n')[Number(number[1] ?? number[2]) - 1];
  return `${text}${line === undefined ? '' : ` (${line.slice(0, 100)})`}`.slice(0, 300);
}

/** A running program whose output is read. */
export type Following = {
  /** Whether the program runs; between two runs its events are missed. */
  readonly isAlive: boolean;
  stop(): void;
};

/** Milliseconds until a program that ended is started again; the pause grows. */
const AGAIN_MS = 1000;
const AGAIN_MOST_MS = 60_000;
/** Characters kept of a line without an end. */
const LONGEST_LINE = 65_536;

/**
 * Runs a program that prints on events, and calls `onLine` for each line. Starts it again when it ends; it
 * ends with us.
 */
export function follow(
  command: Command,
  onLine: (line: string) => void,
  surroundings: SpawnOptions = {},
): Following {
  const { prefix = [], env = {} } = surroundings;
  const [program = '', ...args] = [...dieWithParent(), ...prefix, ...command.argv];
  let again = AGAIN_MS;
  let timer: NodeJS.Timeout | null = null;
  let isAlive = false;
  let stopCurrent = (): void => undefined;
  const begin = (): void => {
    timer = null;
    const child = spawn(program, args, {
      env: { ...ENVIRONMENT, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.once('spawn', () => {
      isAlive = true;
    });
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      again = AGAIN_MS;
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
      for (const line of lines) onLine(line);
    });
    child.once('error', () => undefined);
    child.once('close', () => {
      isAlive = false;
      timer = setTimeout(begin, again);
      again = Math.min(AGAIN_MOST_MS, again * 2);
    });
    stopCurrent = () => {
      child.removeAllListeners('close');
      child.kill('SIGTERM');
    };
  };
  begin();
  return {
    get isAlive() {
      return isAlive;
    },
    stop() {
      if (timer !== null) clearTimeout(timer);
      stopCurrent();
    },
  };
}

let words: readonly string[] | null = null;

/**
 * Words before the argument vector of a program that must not outlive f2b: the kernel ends it when f2b dies
 * for any reason. Empty if setpriv(1) is missing or too old (util-linux before 2.33); such a program ends at
 * its next output.
 */
export function dieWithParent(): readonly string[] {
  if (words !== null) return words;
  const tied = ['setpriv', '--pdeathsig', 'TERM'];
  const [program = '', ...args] = tied;
  const { status } = spawnSync(program, [...args, 'true'], { stdio: 'ignore', env: { ...ENVIRONMENT } });
  words = status === 0 ? tied : [];
  return words;
}
