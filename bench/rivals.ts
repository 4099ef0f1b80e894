/** The ban programs that the enforcement bench compares, each with one jail `web` in a namespace of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, command, run } from '../src/base/process.ts';
import { type Ban, emptyState, jailState } from '../src/state/state.ts';
import { printState } from '../test/state/print.ts';
import { binary } from '../test/testbed/need.ts';
import type { Testbed } from '../test/testbed/testbed.ts';

export type Kind = 'nftables' | 'ipset' | 'iptables';

export type Rival = {
  readonly name: string;
  /** Writes down these bans as if they had been made earlier; nothing may run. */
  remember(addresses: readonly string[]): Promise<void>;
  /** Begins to run; answers at once. */
  start(): void;
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Lifts every ban by its own command. */
  flush(): Promise<void>;
  /** Bans one address by its own command. */
  ban(address: string): Promise<void>;
  /** Log lines, each of which bans. */
  append(addresses: readonly string[]): void;
  /** Processor time of its own process so far, in seconds; programs that it started are not in it. */
  processor(): number;
  /** Whether the kernel holds an address; costs little where the firewall can be asked for one. */
  holds(address: string): Promise<boolean>;
  /** How many the kernel holds. */
  count(): Promise<number>;
};

/** The longest that a command of a rival may take, in seconds. */
const LIMIT = 900;

function lines(all: readonly string[]): string {
  const date = new Date().toISOString().slice(0, 19);
  return all.map((address) => `${date}+00:00 fail ${address}\n`).join('');
}

function processor(pid: number | undefined): number {
  if (!existsSync(`/proc/${pid}/stat`)) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(stat[11]) + Number(stat[12])) / 100;
}

async function ended(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await gone;
  clearTimeout(timer);
}

/** The sets (or the chain) of a rival, and how the kernel is asked about them. */
function kernel(bed: Testbed, kind: Kind, place: string): Pick<Rival, 'holds' | 'count'> {
  const ask = (one: Command) => bed.run({ ...one, mayFail: true });
  const lists = {
    nftables: ['nft', 'list', 'set', 'inet', ...place.split(' ')],
    ipset: ['ipset', 'save', place],
    iptables: ['iptables', '-S', place],
  } as const;
  const [program = '', ...args] = lists[kind];
  const list = async (): Promise<string> => (await ask(command([program, ...args]))).stdout;
  return {
    async holds(address) {
      if (kind === 'ipset') return (await ask(command(['ipset', 'test', place, address]))).exitCode === 0;
      if (kind === 'iptables') return (await list()).includes(`-s ${address}/32`);
      // In check mode, and unlike any listing, this loads no elements.
      const stdin = `create element inet ${place} { ${address} }\n`;
      return /File exists/.test((await ask(command(['nft', '-c', '-f', '-'], { stdin }))).stderr);
    },
    count: async () => ((await list()).match(/\b198\.\d+\.\d+\.\d+/g) ?? []).length,
  };
}

async function must(argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = argv;
  const output = await run(command([program, ...args]), LIMIT);
  if (output.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${output.stderr}${output.trouble ?? ''}`);
}

/** f2b, as built. */
export function f2b(bed: Testbed, kind: Kind, folder: string): Rival {
  const log = join(folder, 'web.log');
  for (const part of ['jail.d', 'filter.d']) mkdirSync(join(folder, 'etc', part), { recursive: true });
  writeFileSync(join(folder, 'etc/filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const jail = ['[web]', 'enabled = true', 'filter = web', `logpath = ${log}`, 'port = 8080', 'maxretry = 1'];
  const more = ['bantime = 1d', `action = ${kind}`];
  writeFileSync(join(folder, 'etc/jail.d/web.conf'), `${[...jail, ...more].join('\n')}\n`);
  writeFileSync(log, '');
  const state = join(folder, 'state.json');
  const globals = ['--config', join(folder, 'etc'), '--state', state];
  const prefix = ['ip', 'netns', 'exec', bed.victim, binary];
  const places = { nftables: 'f2b addr4-web', ipset: 'f2b.web-4', iptables: 'f2b.web' };
  let child: ChildProcess | null = null;
  return {
    name: 'f2b',
    ...kernel(bed, kind, places[kind]),
    async remember(addresses) {
      const now = Date.now() / 1000;
      const ban: Ban = {
        ...{ at: now, until: now + 86400, failures: 1, count: 1 },
        ...{ origin: 'log', matches: [], pending: null },
      };
      const known = emptyState();
      const { bans } = jailState(known, 'web');
      for (const address of addresses) bans.set(address, ban);
      writeFileSync(state, printState(known, now));
    },
    start() {
      const [program = '', ...args] = [...prefix, 'run', '--log', join(folder, 'f2b.log'), ...globals];
      child = spawn(program, args, { stdio: 'ignore' });
    },
    stop: (signal) => ended(child, signal),
    flush: () => must([...prefix, 'flush', ...globals]),
    ban: (address) => must([...prefix, 'banip', 'web', address, ...globals]),
    append: (all) => appendFileSync(log, lines(all)),
    processor: () => processor(child?.pid),
  };
}

const STOCK = {
  nftables: 'nftables-multiport',
  ipset: 'iptables-ipset-proto6',
  iptables: 'iptables-multiport',
};

/** Puts bans where fail2ban remembers them. */
const REMEMBER = `
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1])
now = int(time.time())
rows = [(a, 'web', now, 86400, 1, '{"matches": [], "failures": 1}') for a in sys.stdin.read().split()]
for table in ('bips', 'bans'):
    db.executemany('INSERT OR REPLACE INTO %s (ip, jail, timeofban, bantime, bancount, data) VALUES (?,?,?,?,?,?)' % table, rows)
db.commit()
`;

/** fail2ban 1.0.2 with its stock action for the same firewall. */
export function fail2ban(bed: Testbed, kind: Kind, folder: string): Rival {
  const etc = join(folder, 'fail2ban');
  const log = join(folder, 'web2.log');
  cpSync('/etc/fail2ban', etc, { recursive: true });
  rmSync(join(etc, 'jail.d'), { recursive: true, force: true });
  writeFileSync(join(etc, 'filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const jail = ['[web]', 'enabled = true', 'filter = web', `logpath = ${log}`, 'port = 8080', 'maxretry = 1'];
  const rest = ['bantime = 1d', 'backend = auto', `action = ${STOCK[kind]}[name=web, port=8080]`];
  writeFileSync(join(etc, 'jail.local'), `${[...jail, ...rest].join('\n')}\n`);
  const own = [
    `socket = ${folder}/s`,
    `pidfile = ${folder}/p`,
    `dbfile = ${folder}/db`,
    `logtarget = ${folder}/l`,
  ];
  writeFileSync(join(etc, 'fail2ban.local'), `[Definition]\n${own.join('\n')}\n`);
  writeFileSync(log, '');
  const inVictim = ['ip', 'netns', 'exec', bed.victim];
  const client = [...inVictim, 'fail2ban-client', '-c', etc, '-s', `${folder}/s`];
  const places = { nftables: 'f2b-table addr-set-web', ipset: 'f2b-web', iptables: 'f2b-web' };
  let child: ChildProcess | null = null;
  return {
    name: 'fail2ban',
    ...kernel(bed, kind, places[kind]),
    async remember(addresses) {
      const stdin = addresses.join('\n');
      const output = await run(
        command(['/usr/bin/python3', '-c', REMEMBER, `${folder}/db`], { stdin }),
        LIMIT,
      );
      if (output.exitCode !== 0) throw new Error(output.stderr);
    },
    start() {
      const files = ['-s', `${folder}/s`, '-p', `${folder}/p`];
      const [program = '', ...args] = [...inVictim, 'fail2ban-server', '-c', etc, '-xf', ...files, 'start'];
      child = spawn(program, args, { stdio: 'ignore' });
    },
    stop: (signal) => ended(child, signal),
    flush: () => must([...client, 'unban', '--all']),
    ban: (address) => must([...client, 'set', 'web', 'banip', address]),
    append: (all) => appendFileSync(log, lines(all)),
    processor: () => processor(child?.pid),
  };
}
