import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8's compilers to machine code, the last one the most thorough. */
const COMPILERS = ['sparkplug', 'maglev', 'opt'];

/**
 * Leaves everything to V8's interpreter for now: reading a configuration takes a tenth of a second, and what the compilers would
 * make of that code stays in memory for ever, about 8 MB. Call settle() when the real work begins.
 */
export function startThrifty(): void {
  for (const compiler of COMPILERS) setFlagsFromString(`--no-${compiler}`);
}

/** Gives back the memory that a configuration took while it was read (about 10 ms), and has V8 compile again. */
export function settle(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  for (const compiler of COMPILERS) setFlagsFromString(`--${compiler}`);
}
