/** What one write of the state costs, by the number of bans that stand: printing, and the whole replace with its fsyncs. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadState, saveState } from '../src/state/file.ts';
import { addBan, emptyState } from '../src/state/state.ts';
import { printState } from '../test/state/print.ts';

const ROUNDS = 5;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

const folder = mkdtempSync(join(tmpdir(), 'f2b-bench-'));
console.log('state file: ms, medians of 5');
console.log('   bans      KB   print   write    load');
for (const count of [0, 1000, 10_000, 100_000]) {
  const state = emptyState();
  for (let i = 0; i < count; i++) {
    const id = `198.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    addBan(state, 'sshd', id, {
      at: 1,
      until: 1e10,
      failures: 5,
      count: 1,
      origin: 'log',
      matches: [],
      pending: null,
    });
  }
  const path = join(folder, 'state.json');
  const runs = { print: [] as number[], write: [] as number[], load: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    runs.print.push(await timed(() => printState(state, 1)));
    runs.write.push(await timed(() => saveState(path, state, 1)));
    runs.load.push(await timed(() => loadState(path, false)));
  }
  const cells = [runs.print, runs.write, runs.load].map((values) => median(values).toFixed(1).padStart(7));
  console.log(
    `${String(count).padStart(7)} ${String(Math.round(statSync(path).size / 1024)).padStart(7)} ${cells.join(' ')}`,
  );
}
rmSync(folder, { recursive: true });
