/**
 * The daemon under a steady load: 5,000 lines a second with rotations, 1,000 bans a minute that end again. Memory and open files stay
 * as they are, and every failure and ban is counted. F2B_SOAK_SECONDS says for how long (1800).
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { program, unlessLong } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

const SECONDS = Number(process.env['F2B_SOAK_SECONDS'] ?? 1800);
const LINES_A_SECOND = 5000;
const BANS_A_MINUTE = 1000;
const RETRIES = 3;
const TICK_MS = 20;
const ROTATION_SECONDS = 20;
const MB = 1024;

type Sample = {
  readonly second: number;
  readonly anonymous: number;
  readonly rss: number;
  readonly files: number;
};

function makeConfig(folder: string): void {
  mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
  const log = join(folder, 'auth.log');
  const jail = ['[sshd]', 'enabled = true', 'backend = auto', `logpath = ${log}`, 'banaction = dummy'];
  const limits = [`maxretry = ${RETRIES}`, 'findtime = 30', 'bantime = 30'];
  writeFileSync(join(folder, 'etc/jail.d/sshd.conf'), `${[...jail, ...limits].join('\n')}\n`);
  // What is remembered of bans that are over is bounded by this.
  writeFileSync(join(folder, 'etc/fail2ban.conf'), '[Definition]\ndbpurgeage = 60\n');
  for (const path of [log, join(folder, 'f2b.log')]) writeFileSync(path, '');
}

/** Writes what is due since the last time; counts what the daemon has to count. */
class Writer {
  readonly #log: string;
  readonly #beginMs = performance.now();
  #lines = 0;
  #rotations = 0;
  #pending: string[] = [];
  bans = 0;
  failures = 0;

  constructor(folder: string) {
    this.#log = join(folder, 'auth.log');
  }

  tick(): void {
    const seconds = (performance.now() - this.#beginMs) / 1000;
    if (seconds > (this.#rotations + 1) * ROTATION_SECONDS) this.#rotate();
    while (this.bans < (seconds * BANS_A_MINUTE) / 60) {
      this.bans++;
      for (let i = 0; i < RETRIES; i++) this.#pending.push(addressOf(this.bans));
    }
    const date = new Date().toISOString().slice(0, 19);
    let text = '';
    for (; this.#lines < seconds * LINES_A_SECOND; this.#lines++) {
      const address = this.#lines % 50 === 0 ? this.#pending.shift() : undefined;
      if (address !== undefined) this.failures++;
      text += address === undefined ? usual(date, this.#lines) : failed(date, address, this.#lines);
    }
    appendFileSync(this.#log, text);
  }

  /** The failures that are still due. */
  finish(): void {
    const date = new Date().toISOString().slice(0, 19);
    for (const address of this.#pending.splice(0)) {
      this.failures++;
      appendFileSync(this.#log, failed(date, address, ++this.#lines));
    }
  }

  #rotate(): void {
    this.#rotations++;
    if (existsSync(`${this.#log}.1`)) renameSync(`${this.#log}.1`, `${this.#log}.2`);
    renameSync(this.#log, `${this.#log}.1`);
    writeFileSync(this.#log, '');
  }
}

const addressOf = (number: number): string =>
  `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
const failed = (date: string, address: string, number: number): string =>
  `${date}+00:00 host sshd[${number}]: Failed password for root from ${address} port ${1024 + (number % 60000)} ssh2\n`;
const usual = (date: string, number: number): string =>
  number % 3 === 0
    ? `${date}+00:00 host sshd[${number}]: Accepted publickey for git from 192.0.2.9 port ${number % 60000} ssh2\n`
    : `${date}+00:00 host CRON[${number}]: pam_unix(cron:session): session opened for user root by (uid=0)\n`;

function look(pid: number, second: number): Sample {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]);
  return { second, anonymous: kb('Anonymous'), rss: kb('Rss'), files: readdirSync(`/proc/${pid}/fd`).length };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

test(`${SECONDS} s at ${LINES_A_SECOND} lines a second and ${BANS_A_MINUTE} bans a minute: memory and files flat, counts exact`, {
  skip: unlessLong,
  timeout: (SECONDS + 300) * 1000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-soak-'));
  makeConfig(folder);
  const globals = ['--config', join(folder, 'etc'), '--state', join(folder, 'state', 'state.json')];
  const words = [...program.slice(1), 'run', '--log', join(folder, 'f2b.log'), ...globals];
  const daemon = spawn(program[0], words, { stdio: 'ignore', env: { ...process.env, TZ: 'UTC' } });
  const log = (): string => readFileSync(join(folder, 'f2b.log'), 'utf8');
  try {
    await eventually('the daemon follows its log', () => /Added logfile/.test(log()), 60);
    const pid = daemon.pid ?? 0;
    const samples: Sample[] = [];
    const writer = new Writer(folder);
    const begin = performance.now();
    let seconds = 0;
    while (seconds < SECONDS) {
      assert.equal(daemon.exitCode ?? daemon.signalCode, null, 'the daemon died');
      writer.tick();
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      seconds = (performance.now() - begin) / 1000;
      if (seconds > (samples.length + 1) * Math.min(10, SECONDS / 20)) samples.push(look(pid, seconds));
    }
    writer.finish();
    const counts = (): string => {
      const { stdout } = spawnSync(
        program[0],
        [...program.slice(1), 'status', '--json', 'sshd', ...globals],
        {
          encoding: 'utf8',
        },
      );
      const [jail] = JSON.parse(stdout);
      return `${jail.totalFailed} failures, ${jail.totalBanned} bans`;
    };
    const wanted = `${writer.failures} failures, ${writer.bans} bans`;
    let last = '';
    await eventually(
      'everything is counted',
      () => {
        last = counts();
        return last === wanted;
      },
      60,
    ).catch(() => undefined);
    assert.equal(last, wanted);
    const bans = [...log().matchAll(/ Ban (\S+)/g)].map(([, address]) => address);
    assert.equal(new Set(bans).size, bans.length, 'nobody was banned twice');
    const ended = [...log().matchAll(/ Unban \S+/g)].length;
    assert.ok(SECONDS < 60 || ended > bans.length / 2, `${ended} bans ended`);
    const quarter = samples.length >> 2;
    const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
    const of = (key: keyof Sample) => [early, late].map((some) => median(some.map((one) => one[key])));
    const [[anonymous = 0, anonymousLate = 0], [rss = 0, rssLate = 0], [files = 0, filesLate = 0]] = [
      of('anonymous'),
      of('rss'),
      of('files'),
    ];
    t.diagnostic(
      `${wanted}; second and last quarter: anonymous ${anonymous} and ${anonymousLate} KB, resident ${rss} and ${rssLate} KB, ${files} and ${filesLate} open files; at most ${Math.max(...samples.map((one) => one.anonymous))} KB anonymous`,
    );
    assert.ok(anonymousLate < anonymous * 1.15 + 4 * MB, 'memory grew');
    assert.ok(filesLate <= files + 2, 'open files grew');
  } finally {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  }
});
