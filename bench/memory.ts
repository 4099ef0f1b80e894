/**
 * Memory of the built daemon with ten jails, from /proc/PID/smaps_rollup: idle, per 1,000 addresses that are counted, per 1,000 bans,
 * and after a million failures. fail2ban-server with the same jails beside it, where it is installed. Nobody is blocked.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from '../test/testbed/need.ts';
import { eventually } from '../test/testbed/testbed.ts';

const JAILS = [
  'sshd',
  'dovecot',
  'postfix',
  'nginx-http-auth',
  'apache-auth',
  'vsftpd',
  'proftpd',
  'asterisk',
  'recidive',
];
const BINARY = process.env['F2B_BINARY'] ?? join(import.meta.dirname, '../dist/f2b');
/** The daemon gives memory back when work is over: at its next sweep, ten seconds apart. */
const IDLE_MS = 24_000;

type Memory = { readonly rss: number; readonly anonymous: number };
type Server = { readonly child: ChildProcess; readonly folder: string; readonly log: () => string };

function memoryOf({ child: { pid } }: Server): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1024;
  return { rss: mb('Rss'), anonymous: mb('Anonymous') };
}

/** MB that were resident at the most since the process began. */
function peakOf({ child: { pid } }: Server): string {
  const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return `at most ${(Number(peak) / 1024).toFixed(0)}`;
}

function row(what: string, { rss, anonymous }: Memory, more = ''): void {
  console.log(
    `  ${what.padEnd(46)}${rss.toFixed(1).padStart(8)}${anonymous.toFixed(1).padStart(11)}  ${more}`,
  );
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

function jailText(folder: string, { maxretry, filter }: { maxretry: number; filter: string }): string {
  const common = `[DEFAULT]\nbackend = auto\nmaxretry = ${maxretry}\nfindtime = 1h\nbantime = 10h\n`;
  const jail = (name: string, of: string): string => {
    writeFileSync(join(folder, `${name}.log`), '');
    return `[${name}]\nenabled = true\nfilter = ${of}\nlogpath = ${folder}/${name}.log\n`;
  };
  return [common, ...JAILS.map((name) => jail(name, name)), jail('web', filter)].join('\n');
}

/**
 * A copy of the binary of which the page cache holds nothing, as after a start of the machine: the kernel maps what it has around a
 * page that is used, so that a file which was just written looks larger in memory than one that is read as it is needed.
 */
function coldCopy(): string {
  const folder = mkdtempSync(join(dirname(BINARY), '.memory-'));
  const copy = join(folder, 'f2b');
  const { status } = spawnSync('dd', [`if=${BINARY}`, `of=${copy}`, 'bs=1M', 'oflag=direct'], {
    stdio: 'ignore',
  });
  if (status !== 0) cpSync(BINARY, copy);
  chmodSync(copy, 0o755);
  return copy;
}

function startF2b(maxretry: number, binary: string): Server {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-memory-'));
  mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
  mkdirSync(join(folder, 'etc/filter.d'));
  const text = jailText(folder, { maxretry, filter: 'web' }).replace(
    '[DEFAULT]\n',
    '[DEFAULT]\nbanaction = dummy\n',
  );
  writeFileSync(join(folder, 'etc/jail.d/all.conf'), text);
  writeFileSync(join(folder, 'etc/filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const log = join(folder, 'own.log');
  writeFileSync(log, '');
  const globals = ['--config', join(folder, 'etc'), '--state', join(folder, 'state/s.json'), '--log', log];
  const child = spawn(binary, ['run', '--loglevel', 'notice', ...globals], { stdio: 'ignore' });
  return { child, folder, log: () => readFileSync(log, 'utf8') };
}

function startFail2ban(maxretry: number): Server {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-memory-'));
  const etc = join(folder, 'etc');
  cpSync('/etc/fail2ban', etc, { recursive: true, dereference: true });
  rmSync(join(etc, 'jail.d'), { recursive: true, force: true });
  writeFileSync(join(etc, 'action.d/nothing.conf'), '[Definition]\nactionban = true\nactionunban = true\n');
  writeFileSync(join(etc, 'filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const text = jailText(folder, { maxretry, filter: 'web' }).replace(
    '[DEFAULT]\n',
    '[DEFAULT]\nbanaction = nothing\naction = nothing\n',
  );
  writeFileSync(join(etc, 'jail.local'), text);
  const log = join(folder, 'own.log');
  writeFileSync(log, '');
  const words = [
    '-f',
    '-x',
    '-c',
    etc,
    '-s',
    join(folder, 'sock'),
    '-p',
    join(folder, 'pid'),
    '--logtarget',
    log,
  ];
  writeFileSync(
    join(etc, 'fail2ban.local'),
    `[Definition]\ndbfile = ${folder}/db.sqlite3\nloglevel = NOTICE\n`,
  );
  const child = spawn('fail2ban-server', [...words, 'start'], { stdio: 'ignore' });
  return { child, folder, log: () => readFileSync(log, 'utf8') };
}

async function stop({ child, folder }: Server): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Appends failures of the addresses from `from` on, and one that is banned at last when all of them are through. */
async function fail(
  server: Server,
  { from, count, mark }: { from: number; count: number; mark: string },
  maxretry: number,
) {
  const date = new Date().toISOString().slice(0, 19);
  const line = (who: string): string => `${date}+00:00 fail ${who}\n`;
  for (let at = 0; at < count; at += 50_000) {
    const some = Array.from({ length: Math.min(50_000, count - at) }, (_, i) => line(address(from + at + i)));
    appendFileSync(join(server.folder, 'web.log'), some.join(''));
  }
  appendFileSync(join(server.folder, 'web.log'), line(mark).repeat(maxretry));
  await eventually(`${mark} is banned`, () => server.log().includes(`Ban ${mark}`), 300);
  await rest(IDLE_MS);
}

async function measureF2b(binary: string): Promise<void> {
  const counting = startF2b(5, binary);
  await rest(IDLE_MS);
  const idle = memoryOf(counting);
  row('f2b, idle with ten jails', idle);
  await fail(counting, { from: 0, count: 50_000, mark: '198.51.100.1' }, 5);
  const tracked = memoryOf(counting);
  const perTracked = ((tracked.anonymous - idle.anonymous) / 50) * 1024;
  row('f2b, 50,000 addresses counted', tracked, `${perTracked.toFixed(0)} KB per 1,000`);
  await fail(counting, { from: 0, count: 1_000_000, mark: '198.51.100.2' }, 5);
  row('f2b, 1,000,000 different addresses have failed', memoryOf(counting));
  await fail(counting, { from: 0, count: 1_000_000, mark: '198.51.100.3' }, 5);
  row('f2b, another 1,000,000', memoryOf(counting), peakOf(counting));
  await stop(counting);
  const banning = startF2b(1, binary);
  await rest(IDLE_MS);
  const before = memoryOf(banning);
  await fail(banning, { from: 0, count: 10_000, mark: '198.51.100.1' }, 1);
  const banned = memoryOf(banning);
  const perBan = ((banned.anonymous - before.anonymous) / 10) * 1024;
  row('f2b, 10,000 bans', banned, `${perBan.toFixed(0)} KB per 1,000`);
  await fail(banning, { from: 10_000, count: 90_000, mark: '198.51.100.2' }, 1);
  // Collections are rarer where they take longer.
  await rest(IDLE_MS);
  const more = memoryOf(banning);
  row(
    'f2b, 100,000 bans',
    more,
    `${(((more.anonymous - banned.anonymous) / 90) * 1024).toFixed(0)} KB per 1,000, ${peakOf(banning)}`,
  );
  await stop(banning);
}

async function measureFail2ban(): Promise<void> {
  if (findProgram('fail2ban-server') === null || !existsSync('/etc/fail2ban')) return;
  const server = startFail2ban(1);
  await eventually('fail2ban works', () => existsSync(join(server.folder, 'sock')), 60);
  await rest(IDLE_MS);
  row('fail2ban-server, idle with ten jails', memoryOf(server));
  await fail(server, { from: 0, count: 10_000, mark: '198.51.100.1' }, 1);
  row('fail2ban-server, 10,000 bans', memoryOf(server));
  await stop(server);
}

console.log(`  ${'MB'.padEnd(46)}resident  anonymous`);
const cold = coldCopy();
try {
  await measureF2b(cold);
} finally {
  rmSync(dirname(cold), { recursive: true, force: true });
}
const warm = startF2b(5, BINARY);
await rest(IDLE_MS);
row('f2b, idle, its file just installed or copied', memoryOf(warm));
await stop(warm);
await measureFail2ban();
