import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's flags for little and for much work: the compilers to machine code, compaction in garbage collections,
 * and after how many collections the code of an unused function is dropped (it is compiled again from
 * source).
 */
const THRIFTY = [
  '--no-sparkplug',
  '--no-maglev',
  '--no-opt',
  '--compact-on-every-full-gc',
  '--bytecode-old-age=3',
];
const BUSY = ['--sparkplug', '--maglev', '--opt', '--no-compact-on-every-full-gc', '--bytecode-old-age=6'];
/**
 * Milliseconds of work that make the compilers worthwhile, and the part of the time that is always allowed.
 */
const WORTH_MS = 20;
const TRICKLE = 0.01;
/** Bytes that are not worth a collection. */
const SLACK = 4 * 1024 * 1024;
/** Milliseconds between collections at least; they take one part in SHARE of the time at most. */
const PAUSE_MS = 9_000;
const SHARE = 200;
/** Added to the pause while f2b only polls. */
const QUIET_MS = 40_000;

/** Bytes in use after the last collection, and the time (performance.now()) of the next one. */
let leftBytes = 0;
let nextMs = 0;

/** Whether the compilers are off, and the work beyond TRICKLE until `toldMs` (performance.now()). */
let isThrifty = false;
let workedMs = 0;
let toldMs = 0;

/**
 * Disables the JIT compilers until there is enough work. Reading a configuration takes a tenth of a second;
 * compiled code for that would stay in memory for ever, about 8 MB, and the compilers themselves take 2 MB.
 * enableJit() enables them, and noteWork() after enough work.
 */
export function disableJit(): void {
  isThrifty = true;
  workedMs = 0;
  toldMs = 0;
  for (const flag of THRIFTY) setFlagsFromString(flag);
}

/** Enables the JIT compilers. */
export function enableJit(): void {
  isThrifty = false;
  for (const flag of BUSY) setFlagsFromString(flag);
}

/**
 * Records a piece of work, in performance.now(). Enables the compilers once work exceeds TRICKLE of the time
 * by WORTH_MS. Returns whether they are enabled.
 */
export function noteWork(beginMs: number, endMs: number): boolean {
  if (!isThrifty) return true;
  workedMs = Math.max(0, workedMs - (beginMs - toldMs) * TRICKLE) + endMs - beginMs;
  toldMs = endMs;
  if (workedMs > WORTH_MS) enableJit();
  return !isThrifty;
}

/**
 * Collects garbage if a lot was left behind; V8 does so only under new load. While f2b only polls, a
 * collection a minute limits what polling leaves, 1.5 MB. Call it from time to time.
 */
export function collectIfWorthwhile(): void {
  const nowMs = performance.now();
  if (nowMs < nextMs) return;
  const isQuiet = isThrifty && nowMs > nextMs + QUIET_MS;
  if (isQuiet || usedBytes() > leftBytes * 1.25 + SLACK) collectGarbage();
}

/** Collects garbage, for example after a configuration was read; 10 ms, and 60 ms with 10,000 bans. */
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

/** Bytes of the heap and of buffers outside it. */
function usedBytes(): number {
  const { total_physical_size, external_memory } = getHeapStatistics();
  return total_physical_size + external_memory;
}
