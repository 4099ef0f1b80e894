/**
 * The daemon as a process of its own, with a jail whose log an attacker fills with lines that are slow to match, a jail that reads
 * the same log, and one that reads another. Bans are decided and logged, no firewall is touched.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import type { Filter } from '../../src/filter/types.ts';
import type { StuckHealth } from '../../src/source/health.ts';
import { program } from './need.ts';
import { eventually } from './testbed.ts';

/** fail2ban's own filters, where it is installed. */
export const STOCK = '/etc/fail2ban';
const ROOT = join(import.meta.dirname, '../..');
/** Failures of the bystander in the attacked log. */
const BYSTANDERS = 20;
/** How often the jail of the other log gets a line meanwhile, in milliseconds. */
const WITNESS_MS = 40;
const DEADLINE = 120;

/** A filter of fail2ban's (`isStock`) or of ours, by name. */
export type Target = { readonly name: string; readonly isStock: boolean };

/** What an attack did. Milliseconds from the write to the daemon's log line. */
export type Effect = {
  /** Until each ban of the other log. */
  readonly witnessMs: readonly number[];
  /** Until the last line of the attacked log was judged. */
  readonly allMs: number;
  /** Whether the other log's first ban came before the attacked log was read to its end. */
  readonly isMeanwhile: boolean;
  /** Bans of the jail that reads the same log, and how many there should be. */
  readonly bystanders: number;
  readonly wanted: number;
  /** The daemon's words about regexes that took too long. */
  readonly said: readonly string[];
  /** What `status` tells of them. */
  readonly stuck: readonly StuckHealth[];
  readonly status: string;
};

/** Compiles the filter as a jail would. */
export function filterFor({ name, isStock }: Target): Filter | null {
  const loaded = loadFilter(diskTree(isStock ? STOCK : ROOT), name, { backend: 'auto' });
  return loaded.filter && compileFilter(loaded.filter, { usedns: 'warn', logtimezone: null }, []);
}

/** Attacks a daemon of its own with the lines and waits until it is through with them. */
export async function attack(target: Target, lines: readonly string[]): Promise<Effect> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-attacked-'));
  let child: ChildProcess | null = null;
  try {
    makeConfig(folder, target);
    child = spawn(
      program[0],
      [...program.slice(1), 'run', '--log', join(folder, 'f2b.log'), ...globals(folder)],
      {
        stdio: 'ignore',
        env: { ...process.env, TZ: 'UTC' },
      },
    );
    const running = child;
    await eventually('the daemon follows both logs', () => {
      if (running.exitCode !== null)
        throw new Error(`the daemon ended: ${readFileSync(join(folder, 'f2b.log'), 'utf8')}`);
      return logged(folder).filter((line) => /Added logfile/.test(line)).length === 2;
    });
    return await watch(folder, running, lines);
  } finally {
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function globals(folder: string): string[] {
  return ['--config', join(folder, 'etc'), '--state', join(folder, 'state', 'state.json')];
}

function makeConfig(folder: string, { name, isStock }: Target): void {
  mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
  if (isStock) cpSync(join(STOCK, 'filter.d'), join(folder, 'etc/filter.d'), { recursive: true });
  mkdirSync(join(folder, 'etc/filter.d'), { recursive: true });
  writeFileSync(join(folder, 'etc/filter.d/bystander.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const [attacked, other] = [join(folder, 'attacked.log'), join(folder, 'other.log')];
  const jail = (title: string, log: string, filter: string, maxretry: number): string =>
    `[${title}]\nenabled = true\nfilter = ${filter}\nlogpath = ${log}\nmaxretry = ${maxretry}\nbanaction = dummy\nusedns = no\n`;
  const jails = [
    jail('attacked', attacked, name, 1_000_000),
    jail('same', attacked, 'bystander', 1),
    jail('other', other, 'bystander', 1),
  ];
  writeFileSync(join(folder, 'etc/jail.d/all.conf'), jails.join('\n'));
  for (const path of [attacked, other, join(folder, 'f2b.log')]) writeFileSync(path, '');
}

function logged(folder: string): string[] {
  return readFileSync(join(folder, 'f2b.log'), 'utf8').split('\n');
}

const dated = (text: string): string => `${new Date().toISOString().slice(0, 19)}+00:00 ${text}\n`;

async function watch(folder: string, child: ChildProcess, lines: readonly string[]): Promise<Effect> {
  const every = Math.ceil(lines.length / BYSTANDERS);
  const bystanders = (id: number): string => `198.51.100.${id + 1}`;
  const text = lines
    .map((line, i) => `${line}\n${i % every === 0 ? dated(`fail ${bystanders(i / every)}`) : ''}`)
    .join('');
  const wanted = Math.ceil(lines.length / every) + 1;
  const last = '198.51.100.250';
  // Both logs have their lines before the daemon sees either.
  child.kill('SIGSTOP');
  appendFileSync(join(folder, 'attacked.log'), `${text}${dated(`fail ${last}`)}`);
  const written = new Map<string, number>();
  const witness = (): void => {
    const id = `203.0.${Math.floor(written.size / 250)}.${1 + (written.size % 250)}`;
    written.set(id, performance.now());
    appendFileSync(join(folder, 'other.log'), dated(`fail ${id}`));
  };
  witness();
  child.kill('SIGCONT');
  const begin = performance.now();
  const seen = new Map<string, number>();
  let allMs = 0;
  let nextMs = begin + WITNESS_MS;
  await eventually(
    'the attacked log is read to its end',
    () => {
      const now = performance.now();
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('the daemon died');
      for (const line of logged(folder)) {
        const id = /\[other\] Ban (\S+)/.exec(line)?.[1];
        if (id !== undefined && !seen.has(id)) seen.set(id, now - (written.get(id) ?? now));
        if (allMs === 0 && line.includes(`[same] Ban ${last}`)) allMs = now - begin;
      }
      if (allMs === 0 && now > nextMs) {
        witness();
        nextMs = now + WITNESS_MS;
      }
      return allMs > 0 && seen.size === written.size;
    },
    DEADLINE,
  );
  const log = logged(folder);
  const said = log.filter((line) => /took too long/.test(line));
  const first = log.findIndex((line) => line.includes('[other] Ban 203.0.0.1'));
  const end = log.findIndex((line) => line.includes(`[same] Ban ${last}`));
  const told = await statusOf(folder, said.length > 0);
  return {
    ...{ witnessMs: [...seen.values()], allMs, isMeanwhile: first < end, said, ...told, wanted },
    bystanders: new Set(log.flatMap((line) => /\[same\] Ban (\S+)/.exec(line)?.[1] ?? [])).size,
  };
}

async function statusOf(
  folder: string,
  isStuck: boolean,
): Promise<{ readonly stuck: readonly StuckHealth[]; readonly status: string }> {
  const f2b = (...words: readonly string[]): string =>
    spawnSync(program[0], [...program.slice(1), ...words, ...globals(folder)], { encoding: 'utf8' }).stdout;
  let stuck: readonly StuckHealth[] = [];
  if (!isStuck) return { stuck, status: '' };
  await eventually('status tells of it', () => {
    const [jail] = JSON.parse(f2b('status', '--json', 'attacked'));
    stuck = jail.stuck;
    return stuck.length > 0;
  });
  return { stuck, status: f2b('status', 'attacked') };
}
