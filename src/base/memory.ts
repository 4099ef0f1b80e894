import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's flags without much to do, and with it: its compilers to machine code, whether a collection moves what is left together,
 * and after how many of them the code of a function that was not called meanwhile is forgotten (it is compiled again from the source).
 */
const THRIFTY = [
  '--no-sparkplug',
  '--no-maglev',
  '--no-opt',
  '--compact-on-every-full-gc',
  '--bytecode-old-age=3',
];
const BUSY = ['--sparkplug', '--maglev', '--opt', '--no-compact-on-every-full-gc', '--bytecode-old-age=6'];
/** So many milliseconds of work are worth the compilers, and so small a part of the time is not. */
const WORTH_MS = 20;
const TRICKLE = 0.01;
/** Bytes that are not worth a collection. */
const SLACK = 4 * 1024 * 1024;
/** Collections are at least so far apart, in milliseconds, and take at most one part in SHARE of the time. */
const PAUSE_MS = 9_000;
const SHARE = 200;
/** What is added to that where there is nothing but polling. */
const QUIET_MS = 40_000;

/** Of the last collection: what was left, in bytes, and when the next one may be, by performance.now(). */
let leftBytes = 0;
let nextMs = 0;

/** Whether the compilers are off, what was worked beyond the trickle until `toldMs`, by performance.now(). */
let isThrifty = false;
let workedMs = 0;
let toldMs = 0;

/**
 * Leaves everything to V8's interpreter for now: reading a configuration takes a tenth of a second, and what the compilers would
 * make of that code stays in memory for ever, about 8 MB, and 2 MB of the compilers themselves. They come with enableJit(), or
 * when noteWork() was told of enough work.
 */
export function disableJit(): void {
  isThrifty = true;
  workedMs = 0;
  toldMs = 0;
  for (const flag of THRIFTY) setFlagsFromString(flag);
}

/** Has V8 compile again: there is much to do. */
export function enableJit(): void {
  isThrifty = false;
  for (const flag of BUSY) setFlagsFromString(flag);
}

/**
 * Tells of a piece of work, by performance.now(). The interpreter may take WORTH_MS beyond the TRICKLE of the time, then the
 * compilers come. Answers whether they are on.
 */
export function noteWork(beginMs: number, endMs: number): boolean {
  if (!isThrifty) return true;
  workedMs = Math.max(0, workedMs - (beginMs - toldMs) * TRICKLE) + endMs - beginMs;
  toldMs = endMs;
  if (workedMs > WORTH_MS) enableJit();
  return !isThrifty;
}

/**
 * Gives memory back where work that is over left much behind: V8 by itself does so only under new load. Without load a collection
 * a minute keeps small what polling leaves behind, 1.5 MB. Call it now and then.
 */
export function collectIfWorthwhile(): void {
  const nowMs = performance.now();
  if (nowMs < nextMs) return;
  const isQuiet = isThrifty && nowMs > nextMs + QUIET_MS;
  if (isQuiet || usedBytes() > leftBytes * 1.25 + SLACK) collectGarbage();
}

/** Gives back the memory that work which is over left behind, a configuration that was read; 10 ms, and 60 ms with 10,000 bans. */
export function collectGarbage(): void {
  const beginMs = performance.now();
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const endMs = performance.now();
  leftBytes = usedBytes();
  nextMs = endMs + Math.max(PAUSE_MS, (endMs - beginMs) * SHARE);
}

/** Of the heap, and of the buffers outside of it. */
function usedBytes(): number {
  const { total_physical_size, external_memory } = getHeapStatistics();
  return total_physical_size + external_memory;
}
