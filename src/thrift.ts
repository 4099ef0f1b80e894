import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8's compilers to machine code, the last one the most thorough. */
const COMPILERS = ['sparkplug', 'maglev', 'opt'];
/** Bytes of heap that are not worth a collection. */
const SLACK = 4 * 1024 * 1024;
/** Collections are at least so far apart, in milliseconds, and take at most one part in SHARE of the time. */
const PAUSE_MS = 9_000;
const SHARE = 200;

/** Of the last collection: what was left of the heap, in bytes, and when the next one may be, by performance.now(). */
let leftBytes = 0;
let nextMs = 0;

/**
 * Leaves everything to V8's interpreter for now: reading a configuration takes a tenth of a second, and what the compilers would
 * make of that code stays in memory for ever, about 8 MB. Call settle() when the real work begins.
 */
export function startThrifty(): void {
  for (const compiler of COMPILERS) setFlagsFromString(`--no-${compiler}`);
}

/** Gives back the memory that a configuration took while it was read (about 10 ms), and has V8 compile again. */
export function settle(): void {
  collect();
  for (const compiler of COMPILERS) setFlagsFromString(`--${compiler}`);
}

/** Gives memory back where work that is over left much behind: V8 by itself does so only under new load. Call it now and then. */
export function relax(): void {
  if (performance.now() < nextMs) return;
  if (getHeapStatistics().total_physical_size > leftBytes * 1.25 + SLACK) collect();
}

/** About 10 ms, and 60 ms with 10,000 bans. */
function collect(): void {
  const beginMs = performance.now();
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc === 'function') gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const endMs = performance.now();
  leftBytes = getHeapStatistics().total_physical_size;
  nextMs = endMs + Math.max(PAUSE_MS, (endMs - beginMs) * SHARE);
}
