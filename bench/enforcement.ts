/**
 * Bans in a real firewall, in a network namespace, beside fail2ban with the same firewall: a burst of new bans, one more
 * with all standing, a restart after the firewall was emptied, flush. A time ends when the kernel holds what it should.
 *   node bench/enforcement.ts [--quick] [nftables|ipset|iptables ..]
 * --quick: fail2ban gets 1,000 bans only (10,000 take it minutes).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../src/exec.ts';
import { command } from '../src/firewall/backend.ts';
import { binary, unlessFound } from '../test/need.ts';
import { makeTestbed, type Testbed } from '../test/testbed.ts';

const LIMIT_SECONDS = 600;
/** Between looks at the kernel, so that looking does not take the processor from those looked at. */
const LOOK_MS = 25;

type Words = readonly [string, ...string[]];

type Kind = 'nftables' | 'ipset' | 'iptables';

/** One ban program in one namespace with one jail `web` whose lines ban at once. */
type Rival = {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  flush(): Promise<void>;
  append(addresses: readonly string[]): void;
  /** Words that print what the kernel holds for it. */
  readonly list: Words;
};

async function held(bed: Testbed, argv: Words): Promise<number> {
  const output = await bed.run(command(argv, { mayFail: true }));
  return (output.stdout.match(/\b198\.\d+\.\d+\.\d+/g) ?? []).length;
}

/** Looks as often as looking is cheap: at most half of the time is spent on it. */
async function until(what: string, bed: Testbed, { list }: Rival, count: number): Promise<void> {
  const begin = performance.now();
  for (;;) {
    const lookMs = performance.now();
    if ((await held(bed, list)) === count) return;
    if (performance.now() - begin > LIMIT_SECONDS * 1000) throw new Error(`not in time: ${what}`);
    const costMs = performance.now() - lookMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(LOOK_MS, costMs)));
  }
}

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
}

function lines(all: readonly string[]): string {
  const date = new Date().toISOString().slice(0, 19);
  return all.map((address) => `${date}+00:00 fail ${address}\n`).join('');
}

async function ended(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

function f2b(bed: Testbed, kind: Kind, folder: string): Rival {
  const log = join(folder, 'web.log');
  mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
  mkdirSync(join(folder, 'etc/filter.d'), { recursive: true });
  writeFileSync(join(folder, 'etc/filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const jail = [`[web]`, 'enabled = true', 'filter = web', `logpath = ${log}`, 'port = 8080', 'maxretry = 1'];
  writeFileSync(
    join(folder, 'etc/jail.d/web.conf'),
    `${[...jail, 'bantime = 1d', `action = ${kind}`].join('\n')}\n`,
  );
  writeFileSync(log, '');
  const words = ['--config', join(folder, 'etc'), '--state', join(folder, 'state.json')];
  const more = ['--log', join(folder, 'f2b.log')];
  const prefix = ['ip', 'netns', 'exec', bed.victim, binary];
  const lists: Readonly<Record<Kind, Words>> = {
    nftables: ['nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'],
    ipset: ['ipset', 'save', 'f2b.web-4'],
    iptables: ['iptables', '-S', 'f2b.web'],
  };
  let child: ChildProcess | null = null;
  return {
    name: 'f2b',
    async start() {
      const [program = '', ...args] = [...prefix, 'run', ...words, ...more];
      child = spawn(program, args, { stdio: 'ignore' });
    },
    stop: () => ended(child, 'SIGTERM'),
    async flush() {
      const output = await run(command(['ip', ...prefix.slice(1), 'flush', ...words]), LIMIT_SECONDS);
      if (output.exitCode !== 0) throw new Error(`f2b flush: ${output.stderr}`);
    },
    append: (all) => appendFileSync(log, lines(all)),
    list: lists[kind],
  };
}

const STOCK = {
  nftables: 'nftables-multiport',
  ipset: 'iptables-ipset-proto6',
  iptables: 'iptables-multiport',
};

function fail2ban(bed: Testbed, kind: Kind, folder: string): Rival {
  const etc = join(folder, 'fail2ban');
  const log = join(folder, 'web2.log');
  cpSync('/etc/fail2ban', etc, { recursive: true });
  rmSync(join(etc, 'jail.d'), { recursive: true, force: true });
  writeFileSync(join(etc, 'filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const jail = ['[web]', 'enabled = true', 'filter = web', `logpath = ${log}`, 'port = 8080', 'maxretry = 1'];
  const rest = ['bantime = 1d', 'backend = polling', `action = ${STOCK[kind]}[name=web, port=8080]`];
  writeFileSync(join(etc, 'jail.local'), `${[...jail, ...rest].join('\n')}\n`);
  const own = [
    `socket = ${folder}/s`,
    `pidfile = ${folder}/p`,
    `dbfile = ${folder}/db`,
    `logtarget = ${folder}/l`,
  ];
  writeFileSync(join(etc, 'fail2ban.local'), `[Definition]\n${own.join('\n')}\n`);
  writeFileSync(log, '');
  const client = async (...words: string[]): Promise<void> => {
    const argv = ['ip', 'netns', 'exec', bed.victim, 'fail2ban-client', '-c', etc, ...words] as const;
    const output = await run(command([...argv]), LIMIT_SECONDS);
    if (output.exitCode !== 0) throw new Error(`fail2ban-client ${words[0]}: ${output.stderr}`);
  };
  const lists: Readonly<Record<Kind, Words>> = {
    nftables: ['nft', 'list', 'set', 'inet', 'f2b-table', 'addr-set-web'],
    ipset: ['ipset', 'save', 'f2b-web'],
    iptables: ['iptables', '-S', 'f2b-web'],
  };
  let child: ChildProcess | null = null;
  return {
    name: 'fail2ban',
    async start() {
      const argv = ['netns', 'exec', bed.victim, 'fail2ban-server', '-c', etc, '-f', '-s', `${folder}/s`];
      child = spawn('ip', [...argv, '-p', `${folder}/p`, 'start'], { stdio: 'ignore' });
    },
    stop: () => ended(child, 'SIGTERM'),
    flush: () => client('-s', `${folder}/s`, 'unban', '--all'),
    append: (all) => appendFileSync(log, lines(all)),
    list: lists[kind],
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

type Times = {
  readonly burst: number;
  readonly one: number;
  readonly restore: number;
  readonly flush: number;
};

/** Everything once, for one rival in a namespace of its own. */
async function measure(kind: Kind, count: number, make: typeof f2b): Promise<Times> {
  const bed = await makeTestbed([]);
  const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
  const rival = make(bed, kind, folder);
  try {
    const all = addresses(count);
    await rival.start();
    rival.append(['198.51.100.1']);
    await until('it works', bed, rival, 1);
    const burst = await timed(async () => {
      rival.append(all);
      await until('the burst is banned', bed, rival, count + 1);
    });
    const ones: number[] = [];
    for (let i = 2; i < 7; i++) {
      ones.push(
        await timed(async () => {
          rival.append([`198.51.100.${i}`]);
          await until('one more is banned', bed, rival, count + i);
        }),
      );
    }
    await rival.stop();
    for (const words of [
      ['nft', 'flush', 'ruleset'],
      ['ipset', 'destroy'],
    ] as const)
      await bed.run(command([...words], { mayFail: true }));
    const restore = await timed(async () => {
      await rival.start();
      await until('all are restored', bed, rival, count + 6);
    });
    const flush = await timed(async () => {
      await rival.flush();
      await until('nothing stands', bed, rival, 0);
    });
    return { burst, one: ones.sort((a, b) => a - b)[2] ?? 0, restore, flush };
  } finally {
    await rival.stop();
    await bed.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function print(name: string, count: number, { burst, one, restore, flush }: Times): void {
  const cells = [burst, one, restore, flush].map((ms) => (ms / 1000).toFixed(3).padStart(9));
  console.log(`  ${name.padEnd(9)} ${String(count).padStart(8)} ${cells.join(' ')}`);
}

const words = process.argv.slice(2);
const kinds = (['nftables', 'ipset', 'iptables'] as const).filter(
  (kind) => words.every((word) => word.startsWith('--')) || words.includes(kind),
);
const isQuick = words.includes('--quick');
const missing = process.getuid?.() !== 0 ? 'root' : unlessFound('ip', 'nft', 'ipset', 'iptables');
if (missing !== false) {
  console.log(`enforcement: left out (${missing})`);
} else {
  const hasOriginal = unlessFound('fail2ban-server') === false;
  for (const kind of kinds) {
    console.log(
      `${kind}: seconds until the kernel holds it (looked at every ${LOOK_MS} ms, listing included)`,
    );
    console.log('                bans  new bans  one more   restart     flush');
    const sizes = kind === 'iptables' ? [1000, 10_000] : [1000, 10_000, 100_000];
    for (const count of sizes) {
      print('f2b', count, await measure(kind, count, f2b));
      if (!hasOriginal || count > (isQuick ? 1000 : 10_000)) continue;
      print('fail2ban', count, await measure(kind, count, fail2ban));
    }
  }
}
