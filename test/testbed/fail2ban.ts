/** A private server of the original fail2ban, and a daemon of f2b, on the same small configuration in temporary folders. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, findProgram } from './need.ts';
import { eventually } from './testbed.ts';

/** For `skip`: why the original cannot be run beside f2b here, or false. */
export function unlessOriginal(): string | false {
  if (process.env['F2B_BINARY'] === undefined) return 'F2B_BINARY names no binary';
  const found = findProgram('fail2ban-client');
  if (found === null) return 'fail2ban is not installed';
  const version = spawnSync(found, ['-V'], { encoding: 'utf8' }).stdout.trim();
  return version.startsWith('1.0.2') ? false : `fail2ban is ${version}, not 1.0.2`;
}

export type Answer = { readonly code: number | null; readonly out: string; readonly err: string };

/** One of the two programs with its own folder. */
export type Side = {
  readonly folder: string;
  readonly socket: string;
  /** Calls a program by fail2ban's name; `@ETC` and its like are this side's paths. */
  call(
    name: 'fail2ban-client' | 'fail2ban-server' | 'fail2ban-regex',
    words: readonly string[],
  ): Promise<Answer>;
  start(): Promise<void>;
  /** Ends the server for good and removes the folder. */
  close(): Promise<void>;
};

const JAILS = (folder: string): string => `[DEFAULT]
bantime = 10m
findtime = 10m
maxretry = 3
ignoreip = 127.0.0.0/8 ::1
ignorecommand =
usedns = warn
backend = polling
logencoding = auto
enabled = false
filter = %(__name__)s
action = note
ipv6prefix = 128
[door]
enabled = true
logpath = ${folder}/door.log
[window]
enabled = true
filter = door
logpath = ${folder}/window.log
`;

const FILTER = `[Definition]
failregex = ^ knock from <HOST>$
            ^ kick from <HOST>$
ignoreregex =
datepattern = ^%%Y-%%m-%%d %%H:%%M:%%S
`;

const ACTION = (folder: string): string => `[Definition]
actionstart = touch <target>
actionstop = rm -f <target>
actioncheck =
actionban = echo "ban <ip>" >> <target>
actionunban = echo "unban <ip>" >> <target>
[Init]
target = ${folder}/note-<name>.txt
`;

/** The paths that calls name. */
const pathsOf = (folder: string): Readonly<Record<string, string>> => ({
  '@ETC': join(folder, 'etc'),
  '@SOCK': join(folder, 'f2b.sock'),
  '@PID': join(folder, 'f2b.pid'),
  '@LOG': join(folder, 'fail2ban.log'),
  '@DOOR': join(folder, 'door.log'),
  '@MORE': join(folder, 'more.log'),
});

function furnish(folder: string): void {
  for (const name of ['etc/filter.d', 'etc/action.d', 'bin'])
    mkdirSync(join(folder, name), { recursive: true });
  const { '@SOCK': socket, '@PID': pidfile, '@LOG': log } = pathsOf(folder);
  const settings = `loglevel = INFO\nlogtarget = ${log}\nsyslogsocket = auto\nsocket = ${socket}\npidfile = ${pidfile}\n`;
  const db = `dbfile = ${folder}/fail2ban.sqlite3\ndbpurgeage = 1d\ndbmaxmatches = 10\nallowipv6 = auto\n`;
  writeFileSync(join(folder, 'etc/fail2ban.conf'), `[Definition]\n${settings}${db}`);
  writeFileSync(join(folder, 'etc/jail.conf'), JAILS(folder));
  writeFileSync(join(folder, 'etc/filter.d/door.conf'), FILTER);
  writeFileSync(join(folder, 'etc/action.d/note.conf'), ACTION(folder));
  for (const name of ['door.log', 'window.log', 'more.log']) writeFileSync(join(folder, name), '');
}

/** One side, furnished and not started. */
export function makeSide(kind: 'original' | 'f2b'): Side {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-beside-'));
  furnish(folder);
  const paths = pathsOf(folder);
  const bin = join(folder, 'bin');
  for (const name of ['fail2ban-client', 'fail2ban-server', 'fail2ban-regex'])
    symlinkSync(kind === 'f2b' ? binary : (findProgram(name) ?? ''), join(bin, name));
  const env = {
    ...process.env,
    F2B_STATE: join(folder, 'state.json'),
    F2B_CONFIG: paths['@ETC'] ?? '',
    TMPDIR: folder,
  };
  const socket = paths['@SOCK'] ?? '';
  let server: ChildProcess | null = null;
  const call: Side['call'] = (name, words) => {
    const filled = words.map((word) => word.replace(/@[A-Z]+/g, (key) => paths[key] ?? key));
    const isConfigured = filled.some((word) => /^(?:-c|--conf)/.test(word)) || name === 'fail2ban-regex';
    const args = isConfigured ? filled : ['-c', paths['@ETC'] ?? '', ...filled];
    return run(join(bin, name), args, { env, cwd: folder });
  };
  return {
    folder,
    socket,
    call,
    async start() {
      server = spawn(join(bin, 'fail2ban-server'), ['-c', paths['@ETC'] ?? '', '-xf', 'start'], {
        env,
        cwd: folder,
        stdio: 'ignore',
      });
      await eventually(`${kind} answers`, async () => (await call('fail2ban-client', ['ping'])).code === 0);
    },
    async close() {
      if (existsSync(socket)) await call('fail2ban-client', ['stop']);
      if (server !== null && server.exitCode === null && server.signalCode === null) {
        const ended = new Promise((resolve) => server?.once('exit', resolve));
        server.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function run(
  program: string,
  words: readonly string[],
  how: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { ...how, stdio: ['pipe', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    // For the interactive mode.
    child.stdin.end('exit\n');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}
