/**
 * What the slowest lines cost that an attacker could write, for each of fail2ban's and our filters: the dearest line that is
 * within bounds, the dearest one that led to a strike (processor time, the engine in this process), and the longest that another
 * jail's ban had to wait meanwhile (the built daemon, a log of its own).
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fallBackToLinear } from '../src/base/timelimit.ts';

// Before any pattern is made.
fallBackToLinear();
process.env['F2B_BINARY'] ??= join(import.meta.dirname, '../dist/f2b');
const { Engine } = await import('../src/filter/engine.ts');
const { newFilterState } = await import('../src/filter/line.ts');
const { attack, filterFor, STOCK } = await import('../test/testbed/attacked.ts');
const { pumpedLines } = await import('../test/testbed/pumped.ts');

/** Another jail's ban is to wait no longer. */
const GOAL_MS = 200;

type Costs = { readonly usualMs: number; readonly strikeMs: number };

function costsOf(filter: NonNullable<ReturnType<typeof filterFor>>, lines: readonly string[]): Costs {
  let strikes = 0;
  const state = newFilterState(filter);
  const engine = new Engine([{ jail: 'a', filter, state, findtime: 600, keepsFields: false }], () => {
    strikes++;
  });
  let [usualMs, strikeMs] = [0, 0];
  for (const line of lines) {
    const bytes = Buffer.from(`${line}\n`);
    const before = strikes;
    const begin = process.threadCpuUsage();
    engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, Date.now() / 1000);
    const { user, system } = process.threadCpuUsage(begin);
    const ms = (user + system) / 1000;
    if (strikes > before) strikeMs = Math.max(strikeMs, ms);
    else usualMs = Math.max(usualMs, ms);
  }
  return { usualMs, strikeMs };
}

const row = (...cells: readonly string[]): void =>
  console.log(`  ${cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(11))).join('')}`);

row('filter', 'lines', 'line ms', 'strike ms', 'other ms', 'quarantine');
const worst = { lines: 0, usualMs: 0, strikeMs: 0, otherMs: 0 };
for (const [folder, isStock] of [
  [STOCK, true],
  [join(import.meta.dirname, '..'), false],
] as const) {
  if (!existsSync(join(folder, 'filter.d'))) continue;
  for (const file of readdirSync(join(folder, 'filter.d')).sort()) {
    const target = { name: file.replace(/\.conf$/, ''), isStock };
    const filter = file.endsWith('.conf') ? filterFor(target) : null;
    if (filter === null) continue;
    const lines = pumpedLines(filter, Math.floor(Date.now() / 1000)).map(({ text }) => text);
    if (lines.length === 0) continue;
    const { usualMs, strikeMs } = costsOf(filter, lines);
    let otherMs = Number.POSITIVE_INFINITY;
    let held = 0;
    // A machine that has more to do tells its own delays: the best of three counts.
    for (let times = 0; times < 3 && otherMs > GOAL_MS; times++) {
      const { witnessMs, stuck, bystanders, wanted } = await attack(target, lines);
      if (bystanders !== wanted) throw new Error(`${target.name}: ${bystanders} bans instead of ${wanted}`);
      otherMs = Math.min(otherMs, Math.max(...witnessMs));
      held = stuck.filter(({ from }) => from !== null).length;
    }
    const title = `${isStock ? 'fail2ban' : 'f2b'} ${target.name}`;
    row(
      title,
      String(lines.length),
      usualMs.toFixed(1),
      strikeMs === 0 ? '-' : strikeMs.toFixed(1),
      otherMs.toFixed(0),
      held === 0 ? '-' : String(held),
    );
    worst.lines += lines.length;
    worst.usualMs = Math.max(worst.usualMs, usualMs);
    worst.strikeMs = Math.max(worst.strikeMs, strikeMs);
    worst.otherMs = Math.max(worst.otherMs, otherMs);
  }
}
row('the worst', ...[worst.lines, worst.usualMs, worst.strikeMs, worst.otherMs].map((one) => one.toFixed(0)));
