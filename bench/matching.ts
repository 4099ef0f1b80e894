/**
 * Lines a second, start included: `f2b regex`, fail2ban-regex and, where it is installed, `fail2ban-rs dry-run` on the same file, one
 * after the other; more filters, of which fail2ban-regex gets a fifth of the lines; then what the daemon does with a flood of
 * addresses and with many jails on one log. Set F2B_BENCH_LINES for another number of lines than a million, F2B_BENCH_RIVAL for the
 * path of fail2ban-rs.
 *   node bench/matching.ts [regex] [filters] [daemon]
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary } from '../test/testbed/need.ts';
import { type Kind, writeLog } from './logs.ts';

const LINES = Number(process.env['F2B_BENCH_LINES'] ?? 1_000_000);
const RIVAL = process.env['F2B_BENCH_RIVAL'] ?? 'fail2ban-rs';
const ROOT = join(import.meta.dirname, '..');
const F2B = binary;
const FILTERS = '/etc/fail2ban/filter.d';
const STOCK = join(FILTERS, 'sshd.conf');
const FLASK = '^<HOST> - .+(GET|POST).+ 401 .*$';
/** The patterns that `fail2ban-rs gen-config sshd` writes. */
const FOUR = [
  'sshd\\[\\d+\\]: Failed password for .* from <HOST> port \\d+',
  'sshd\\[\\d+\\]: Invalid user .* from <HOST> port \\d+',
  'sshd\\[\\d+\\]: Connection closed by authenticating user .* <HOST> port \\d+',
  'sshd\\[\\d+\\]: Disconnected from authenticating user .* <HOST> port \\d+',
];

type Run = { readonly ms: number; readonly mb: number; readonly text: string };

/** The fastest of so many runs of a command; null when it is not there. */
function fastest(times: number, program: string, ...args: string[]): Run | null {
  const runs = Array.from({ length: times }, () => once(program, args));
  return runs.reduce((best, one) => (best === null || (one !== null && one.ms < best.ms) ? one : best));
}

function once(program: string, args: readonly string[]): Run | null {
  const begin = performance.now();
  const { error, status, stdout, stderr } = spawnSync('/usr/bin/time', ['-f', '%M', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined || status !== 0) return null;
  const mb = Math.round(Number(stderr.trim().split('\n').at(-1)) / 1024);
  return { ms: performance.now() - begin, mb, text: stdout };
}

/** Lines that matched, in the words of each program. */
function matchesIn(text: string): string {
  return /(\d+) matched/.exec(text)?.[1] ?? /Matches:\s+(\d+)/.exec(text)?.[1] ?? '?';
}

function row(
  what: string,
  run: Run | null,
  against: readonly [string, Run | null][] = [],
  lines: number = LINES,
): void {
  if (run === null) {
    console.log(`  ${what.padEnd(44)} not installed`);
    return;
  }
  const rate = `${Math.round((lines / run.ms) * 1000).toLocaleString('en')} lines/s`.padStart(19);
  const ratios = against.map(([name, other]) =>
    other === null ? '' : `${(other.ms / run.ms).toFixed(2).padStart(8)} x ${name}`,
  );
  const memory = `${run.mb} MB`.padStart(8);
  console.log(`  ${what.padEnd(44)}${rate}${memory}  ${matchesIn(run.text)} matched${ratios.join('')}`);
}

function matching(folder: string, log: string): void {
  const toml = join(folder, 'rival.toml');
  const list = (patterns: readonly string[]): string => `[${patterns.map((one) => `'${one}'`).join(', ')}]`;
  const jail = (name: string, form: string, patterns: readonly string[]): string =>
    `[jail.${name}]\nenabled = true\nlog_path = "${log}"\ndate_format = "${form}"\nfilter = ${list(patterns)}\nport = ["22"]\n`;
  writeFileSync(toml, `[global]\n${jail('four', 'syslog', FOUR)}${jail('flask', 'common', [FLASK])}`);
  const four = join(folder, 'four.conf');
  writeFileSync(four, `[Definition]\nfailregex = ${FOUR.join('\n            ')}\n`);
  const rival = (name: string): Run | null => fastest(5, RIVAL, 'dry-run', '-c', toml, '-j', name, log);
  const ours = (filter: string): Run | null => fastest(5, F2B, 'regex', '--raw', log, filter);
  const theirs = (filter: string): Run | null => fastest(1, 'fail2ban-regex', '--raw', log, filter);

  writeLog(log, 'auth', LINES, Date.now() / 1000);
  console.log(`auth.log, ${LINES} lines, half of them candidates`);
  const fast = rival('four');
  row('fail2ban-rs dry-run, its four patterns', fast);
  if (existsSync(STOCK)) {
    const slow = theirs(STOCK);
    row('fail2ban-regex, its sshd (22 regexes)', slow);
    row('f2b regex, the same', ours(STOCK), [
      ['fail2ban-rs with four', fast],
      ['fail2ban-regex', slow],
    ]);
  }
  row('f2b regex, the four patterns', ours(four), [['fail2ban-rs', fast]]);
  row('f2b regex, our sshd', ours(join(ROOT, 'filter.d/sshd.conf')), [['fail2ban-rs with four', fast]]);

  writeLog(log, 'access', LINES, Date.now() / 1000);
  console.log(`access.log, ${LINES} lines, a tenth of them matches`);
  const access = rival('flask');
  row('fail2ban-rs dry-run, the pattern of flask-auth', access);
  const slow = theirs(FLASK);
  row('fail2ban-regex, the same', slow);
  row('f2b regex, the same', ours(FLASK), [
    ['fail2ban-rs', access],
    ['fail2ban-regex', slow],
  ]);
}

type Comparison = {
  readonly kind: Kind;
  readonly what: string;
  /** Names with options, as they stand in filter.d; `ours` those of which we have one for the same lines. */
  readonly filters: readonly string[];
  readonly ours: readonly string[];
};

const SSHD = ['sshd', 'sshd[mode=aggressive]'];
const COMPARISONS: readonly Comparison[] = [
  { kind: 'auth', what: 'auth.log, half of it candidates', filters: SSHD, ours: SSHD },
  {
    kind: 'auth-iso',
    what: 'the same with ISO dates and microseconds',
    filters: ['sshd'],
    ours: ['sshd'],
  },
  {
    kind: 'sessions',
    what: 'attacks of four lines each, six at a time',
    filters: ['sshd'],
    ours: ['sshd'],
  },
  {
    kind: 'probes',
    what: 'auth.log of a host that is scanned, seven tenths of it failures',
    filters: SSHD.slice(1),
    ours: SSHD.slice(1),
  },
  {
    kind: 'nginx-error',
    what: "nginx's error.log, two tenths failed logins, one tenth bots",
    filters: ['nginx-http-auth', 'nginx-botsearch'],
    ours: ['nginx-http-auth'],
  },
  {
    kind: 'apache-error',
    what: "apache's error.log (microseconds), three tenths failures",
    filters: ['apache-auth'],
    ours: ['apache-auth'],
  },
];

/** The share of the lines that fail2ban-regex gets here. */
const SHARE = Math.ceil(LINES / 5);

function pathOf(folder: string, filter: string): string {
  const [name = '', options = ''] = filter.split(/(?=\[)/);
  return `${join(folder, name)}.conf${options}`;
}

/** fail2ban's filters in both programs, and ours of the same name; rates are compared, and the matches in the lines that both get. */
function filters(folder: string, log: string): void {
  const share = join(folder, 'share.log');
  for (const { kind, what, filters, ours } of COMPARISONS) {
    writeLog(log, kind, LINES, Date.now() / 1000);
    const fd = openSync(share, 'w');
    spawnSync('head', ['-n', `${SHARE}`, log], { stdio: ['ignore', fd, 'inherit'] });
    closeSync(fd);
    console.log(`${what}; ${LINES} lines, ${SHARE} for fail2ban-regex`);
    for (const filter of filters) {
      const stock = pathOf(FILTERS, filter);
      const slow = existsSync(pathOf(FILTERS, filter.replace(/\[.*/, '')))
        ? once('fail2ban-regex', ['--raw', share, stock])
        : null;
      row(`fail2ban-regex, ${filter}`, slow, [], SHARE);
      // As if it had had all the lines.
      const whole = slow && { ...slow, ms: (slow.ms * LINES) / SHARE };
      if (slow !== null) {
        row(
          `f2b regex, the same, ${equality(slow, once(F2B, ['regex', '--raw', share, stock]))}`,
          best(stock),
          [['fail2ban-regex', whole]],
        );
      }
      if (ours.includes(filter))
        row(`f2b regex, our ${filter}`, best(pathOf(join(ROOT, 'filter.d'), filter)), [
          ["fail2ban-regex with fail2ban's", whole],
        ]);
    }
  }
  function best(filter: string): Run | null {
    return fastest(3, F2B, 'regex', '--raw', log, filter);
  }
}

/** Whether two programs found as much in the same lines. */
function equality(one: Run, other: Run | null): string {
  const [first, second] = [matchesIn(one.text), matchesIn(other?.text ?? '')];
  return first === second ? 'equal counts' : `COUNTS DIFFER (${first}, ${second})`;
}

/** The daemon's path, as one pass: reading, matching, counting, its log and its state. */
function onePass(folder: string, log: string, jails: readonly string[]): Run | null {
  const config = mkdtempSync(join(folder, 'etc-'));
  mkdirSync(join(config, 'jail.d'));
  cpSync(join(ROOT, 'filter.d'), join(config, 'filter.d'), { recursive: true });
  const limits = 'maxretry = 100000\nfindtime = 1d\nbantime = 1h\nbackend = polling\naction = dummy';
  const text = jails.map(
    (filter, i) => `[j${i}]\nenabled = true\nfilter = ${filter}\nlogpath = ${log}\n${limits}\n`,
  );
  writeFileSync(join(config, 'jail.d/bench.conf'), text.join('\n'));
  const state = join(config, 'state.json');
  const run = once(F2B, [
    'run',
    '--once',
    '--config',
    config,
    '--state',
    state,
    '--log',
    join(config, 'f2b.log'),
  ]);
  const counted = existsSync(state) ? [...readFileSync(state, 'utf8').matchAll(/"totalFailed":(\d+)/g)] : [];
  const sum = counted.reduce((all, [, one]) => all + Number(one), 0);
  rmSync(config, { recursive: true });
  return run === null ? null : { ...run, text: `${sum} matched` };
}

function daemon(folder: string, log: string): void {
  const best = (jails: readonly string[]): Run | null => {
    const runs = [1, 2, 3].map(() => onePass(folder, log, jails));
    return runs.reduce((one, other) => (one === null || (other !== null && other.ms < one.ms) ? other : one));
  };
  writeLog(log, 'flood', LINES, Date.now() / 1000);
  console.log(`the daemon (run --once), ${LINES} failures, each of another address`);
  row('one jail with our sshd', best(['sshd']));
  writeLog(log, 'access', LINES, Date.now() / 1000);
  console.log('the daemon (run --once), access.log');
  const single = best(['flask-auth']);
  row('one jail with flask-auth', single);
  row('ten jails with flask-auth', best(Array.from({ length: 10 }, () => 'flask-auth')), [
    ['one jail', single],
  ]);
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
  ];
  row('flask-auth and nine other filters', best(['flask-auth', ...others]), [['one jail', single]]);
}

const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
try {
  const log = join(folder, 'bench.log');
  const parts = { regex: matching, filters, daemon };
  const chosen = process.argv.slice(2);
  for (const [name, measure] of Object.entries(parts)) {
    if (chosen.length === 0 || chosen.includes(name)) measure(folder, log);
  }
} finally {
  rmSync(folder, { recursive: true });
}
