/**
 * Bans in a real firewall, in a network namespace, beside fail2ban with the same firewall: a start with bans to restore, one
 * more ban with all of them standing, flush, and a burst of new bans out of one write to the log. A time ends when the
 * kernel holds (or no longer holds) the last address; that all the others are there is looked up afterwards.
 *   node bench/enforcement.ts [nftables|ipset|iptables ..]
 * F2B_BENCH_LIMIT: seconds that each cell gets (300), 0 = without fail2ban; F2B_BENCH_BANS: the sizes (1000,10000,100000).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../src/base/process.ts';
import { unlessFound } from '../test/testbed/need.ts';
import { makeTestbed, type Testbed } from '../test/testbed/testbed.ts';
import { f2b, fail2ban, type Kind, type Rival } from './rivals.ts';

const LIMIT_MS = 1000 * Number(process.env['F2B_BENCH_LIMIT'] ?? 300);
const SIZES = (process.env['F2B_BENCH_BANS'] ?? '1000,10000,100000').split(',').map(Number);
/** fail2ban takes minutes for more; iptables alone is not for more. */
const MOST_COMPARED = 10_000;
/** Between looks at the kernel, so that looking does not take the processor from those looked at. */
const LOOK_MS = 10;
const ROUNDS = 5;

/** Milliseconds, or how many of how many were done when the time was up. */
type Cell = {
  readonly ms: number;
  readonly reached: readonly [number, number] | null;
  /** Processor seconds of the program itself until then, since it was started. */
  readonly own: number;
};
type Times = {
  readonly restore: Cell;
  readonly byLog: Cell | null;
  readonly byHand: Cell | null;
  readonly flush: Cell | null;
  readonly burst: Cell;
};
type Column = keyof Times;

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
}

/** Looks as often as looking is cheap: at most half of the time is spent on it. False when the time was up before. */
async function until(check: () => Promise<boolean>, limitMs = LIMIT_MS || 300_000): Promise<boolean> {
  const begin = performance.now();
  for (;;) {
    const lookMs = performance.now();
    if (await check()) return true;
    if (performance.now() - begin > limitMs) return false;
    const costMs = performance.now() - lookMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(LOOK_MS, costMs)));
  }
}

/** From `begin` to the moment when the kernel holds all of them. */
async function timed(rival: Rival, all: readonly string[], begin: () => void): Promise<Cell> {
  const last = all.at(-1) ?? '';
  const beginMs = performance.now();
  begin();
  const isDone = await until(() => rival.holds(last));
  const ms = performance.now() - beginMs;
  const own = rival.processor();
  const reached = await rival.count();
  if (isDone && reached >= all.length) return { ms, reached: null, own };
  if (isDone && (await until(async () => (await rival.count()) >= all.length)))
    return { ms: performance.now() - beginMs, reached: null, own: rival.processor() };
  return { ms, reached: [reached, all.length], own };
}

async function median(rounds: number, work: (round: number) => Promise<Cell>): Promise<Cell> {
  const cells: Cell[] = [];
  for (let i = 0; i < rounds; i++) cells.push(await work(i));
  return cells.sort((a, b) => a.ms - b.ms)[Math.floor(rounds / 2)] ?? { ms: 0, reached: null, own: 0 };
}

async function empty(bed: Testbed): Promise<void> {
  for (const words of [
    ['nft', 'flush', 'ruleset'],
    ['ipset', 'destroy'],
  ] as const)
    await bed.run(command([...words], { mayFail: true }));
}

async function flushed(rival: Rival, all: readonly string[]): Promise<Cell> {
  const beginMs = performance.now();
  await rival.flush();
  const [first = '', last = ''] = [all[0], all.at(-1)];
  const isGone = await until(async () => !(await rival.holds(first)) && !(await rival.holds(last)));
  return { ms: performance.now() - beginMs, reached: isGone ? null : [0, all.length], own: 0 };
}

/** Everything once, for one rival in a namespace of its own. */
async function measure(kind: Kind, count: number, make: typeof f2b): Promise<Times> {
  const bed = await makeTestbed([]);
  const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
  const rival = make(bed, kind, folder);
  const all = addresses(count);
  try {
    // One ban to see that it works; then everything is made anew, with bans to remember.
    rival.start();
    rival.append(['198.51.100.1']);
    if (!(await until(() => rival.holds('198.51.100.1'), 60_000)))
      throw new Error(`${rival.name} bans nobody`);
    const burst = await timed(rival, all, () => rival.append(all));
    // With a long queue it would not end before it is through.
    await rival.stop(burst.reached === null ? 'SIGTERM' : 'SIGKILL');
    await empty(bed);
    await rival.remember(all);
    const restore = await timed(rival, all, () => rival.start());
    if (restore.reached !== null) {
      await rival.stop('SIGKILL');
      return { burst, restore, byLog: null, byHand: null, flush: null };
    }
    const byLog = await median(ROUNDS, (i) => {
      const one = `198.51.100.${10 + i}`;
      return timed(rival, [one], () => rival.append([one]));
    });
    const byHand = await median(ROUNDS, (i) => {
      const one = `198.51.100.${20 + i}`;
      return timed(rival, [one], () => void rival.ban(one));
    });
    return { burst, restore, byLog, byHand, flush: await flushed(rival, all) };
  } finally {
    await rival.stop('SIGKILL');
    await bed.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const COLUMNS: readonly (readonly [Column, string])[] = [
  ['restore', 'restore'],
  ['byLog', 'one, by log'],
  ['byHand', 'one, by hand'],
  ['flush', 'flush'],
  ['burst', 'burst of new'],
];
const WIDTH = 24;

function print(name: string, count: number, cells: readonly string[]): void {
  console.log(
    `  ${name.padEnd(9)} ${String(count).padStart(7)} ${cells.map((cell) => cell.padStart(WIDTH)).join('')}`,
  );
}

function text(cell: Cell | null): string {
  if (cell === null) return '-';
  const seconds = (cell.ms / 1000).toFixed(3);
  return cell.reached === null ? seconds : `>${Math.round(cell.ms / 1000)}, ${cell.reached[0]} reached`;
}

/** How many times as long the other one took, which is more when it was cut off. */
function ratio(own: Cell | null, other: Cell | null): string {
  if (own === null || other === null) return '-';
  const times = other.ms / own.ms;
  return `${other.reached === null ? '' : 'more than '}${times.toFixed(times < 10 ? 1 : 0)} times`;
}

async function compare(kind: Kind, count: number, hasOriginal: boolean): Promise<void> {
  const ours = await measure(kind, count, f2b);
  print('f2b', count, [...COLUMNS.map(([key]) => text(ours[key])), `${ours.restore.own.toFixed(2)} own`]);
  if (!hasOriginal || count > MOST_COMPARED) return;
  const theirs = await measure(kind, count, fail2ban);
  print('fail2ban', count, [
    ...COLUMNS.map(([key]) => text(theirs[key])),
    `${theirs.restore.own.toFixed(2)} own`,
  ]);
  print(
    'faster',
    count,
    COLUMNS.map(([key]) => ratio(ours[key], theirs[key])),
  );
}

const words = process.argv.slice(2);
const kinds = (['nftables', 'ipset', 'iptables'] as const).filter(
  (kind) => words.length === 0 || words.includes(kind),
);
const missing = process.getuid?.() !== 0 ? 'root' : unlessFound('ip', 'nft', 'ipset', 'iptables');
if (missing !== false) {
  console.log(`enforcement: left out (${missing})`);
} else {
  const hasOriginal = LIMIT_MS > 0 && unlessFound('fail2ban-server') === false;
  console.log(
    `seconds until the kernel holds it; fail2ban gets ${LIMIT_MS / 1000} s for each; own = processor`,
  );
  console.log('seconds of the program itself from its start until all are restored');
  for (const kind of kinds) {
    console.log(
      `${kind}\n            bans  ${COLUMNS.map(([, title]) => title.padStart(WIDTH))
        .join('')
        .slice(1)}`,
    );
    for (const count of SIZES)
      if (kind !== 'iptables' || count <= MOST_COMPARED) await compare(kind, count, hasOriginal);
  }
}
