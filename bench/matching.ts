/**
 * Lines a second: the engine of the daemon, `f2b regex`, and fail2ban-regex on the same lines. The input is made here, from
 * a seed: half of auth.log's lines and a tenth of access.log's match.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigTree, diskTree, loadFilter } from '../src/config.ts';
import { fallBackToLinear } from '../src/engine/limit.ts';
import { Engine, type Worker } from '../src/engine.ts';
import { compileFilter, newFilterState } from '../src/filter.ts';

fallBackToLinear();

const LINES = Number(process.env['F2B_BENCH_LINES'] ?? 200_000);
const CHUNK = 65536;
const ROOT = join(import.meta.dirname, '..');
const own = diskTree(ROOT);
const stock = existsSync('/etc/fail2ban/filter.d') ? diskTree('/etc/fail2ban') : null;

let seed = 1;
const random = (below: number): number => {
  seed = (seed * 48271) % 2147483647;
  return seed % below;
};
const two = (n: number): string => String(n).padStart(2, '0');

/** One line for each number, some hundreds of them within a second. */
function makeLog(kind: 'auth' | 'access'): string {
  const today = new Date();
  const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
  const day = `${months[today.getMonth()]} ${two(today.getDate())}`;
  const lines = Array.from({ length: LINES }, (_, i) => {
    const time = `00:${two(Math.floor(i / 24000) % 60)}:${two(Math.floor(i / 400) % 60)}`;
    const ip = `198.51.${random(256)}.${random(256)}`;
    if (kind === 'access') {
      const date = `${two(today.getDate())}/${months[today.getMonth()]}/${today.getFullYear()} ${time}`;
      return `${ip} - - [${date}] "GET /page/${random(1000)} HTTP/1.1" ${i % 10 === 0 ? 401 : 200} -`;
    }
    return i % 2 === 0
      ? `${day} ${time} host sshd[${1000 + (i % 3000)}]: Failed password for root from ${ip} port ${1024 + random(60000)} ssh2`
      : `${day} ${time} host CRON[${1000 + (i % 3000)}]: pam_unix(cron:session): session opened for user root by (uid=0)`;
  });
  return `${lines.join('\n')}\n`;
}

function daemonPath(tree: ConfigTree, names: readonly string[], bytes: Buffer): number {
  const workers = names.flatMap((name, i): Worker[] => {
    const loaded = loadFilter(tree, name, { backend: 'auto' });
    const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'no', logtimezone: null }, []);
    return filter === null
      ? []
      : [{ jail: `${name}${i}`, filter, state: newFilterState(filter), findtime: 600, keepsFields: false }];
  });
  const engine = new Engine(workers, () => undefined);
  const now = Date.now() / 1000;
  const begin = performance.now();
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.lastIndexOf(10, Math.min(bytes.length, at + CHUNK) - 1) + 1;
    engine.run({ bytes, start: at, end, times: null, live: true }, now);
    at = end;
  }
  return performance.now() - begin;
}

/** Milliseconds of a whole command, start included; null when it is not there. */
function command(program: string, ...args: string[]): { ms: number; matched: string; mb: string } | null {
  const begin = performance.now();
  const run = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.error !== undefined || run.status !== 0) return null;
  const matched = /(\d+) matched/.exec(run.stdout)?.[1] ?? '?';
  const kb = Number(run.stderr.trim().split('\n').at(-1));
  return {
    ms: performance.now() - begin,
    matched,
    mb: Number.isNaN(kb) ? '?' : String(Math.round(kb / 1024)),
  };
}

function row(what: string, ms: number, base: number | null, more = ''): void {
  const rate = `${((LINES / ms) * 1000).toFixed(0).padStart(9)} lines/s`;
  const ratio = base === null ? '' : `${(base / ms).toFixed(1)} x fail2ban`.padStart(17);
  console.log(`  ${what.padEnd(34)}${rate}${ratio}  ${more}`);
}

const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
for (const [kind, filter] of [
  ['auth', 'sshd'],
  ['access', 'flask-auth'],
] as const) {
  const path = join(folder, `${kind}.log`);
  writeFileSync(path, makeLog(kind));
  const bytes = readFileSync(path);
  const mine = join(ROOT, 'filter.d', `${filter}.conf`);
  const theirs = kind === 'auth' ? '/etc/fail2ban/filter.d/sshd.conf' : '^<HOST> - .+(GET|POST).+ 401 .*$';
  console.log(`${kind}.log, ${LINES} lines`);
  const original = stock === null ? null : command('fail2ban-regex', '-r', path, theirs);
  const base = original?.ms ?? null;
  if (original !== null)
    row('fail2ban-regex', original.ms, null, `${original.matched} matched, ${original.mb} MB`);
  const ours = command(
    join(ROOT, 'dist', 'f2b'),
    'regex',
    '-r',
    '--brief',
    path,
    stock === null ? mine : theirs,
  );
  if (ours !== null)
    row('f2b regex, the same filter', ours.ms, base, `${ours.matched} matched, ${ours.mb} MB`);
  if (stock !== null && kind === 'auth')
    row("daemon, fail2ban's sshd (22 regexes)", daemonPath(stock, ['sshd'], bytes), base);
  row(`daemon, our ${filter}`, daemonPath(own, [filter], bytes), base);
  row(
    `daemon, ten jails with our ${filter}`,
    daemonPath(
      own,
      Array.from({ length: 10 }, () => filter),
      bytes,
    ),
    base,
  );
  const others = [
    'postfix',
    'dovecot',
    'vsftpd',
    'proftpd',
    'named',
    'mysqld',
    'asterisk',
    'recidive',
    'gitea',
    filter,
  ];
  row(`daemon, ten different filters`, daemonPath(own, others, bytes), base);
}
rmSync(folder, { recursive: true });
