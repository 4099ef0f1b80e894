import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { codeOf } from './errors.ts';

const WORK = Symbol.for('f2b.work');
const SCRIPT = new Script(`globalThis[Symbol.for('f2b.work')]()`);

/**
 * Runs `work` and interrupts it after `limitMs`, also within a regex: V8 backtracks without end on some patterns, and this
 * is the one thing that stops it. Costs about 0.1 ms a call. Null when it came to its end, else the milliseconds of
 * processor time that it had: on a busy machine far less than the limit, which is a clock's.
 */
export function within(limitMs: number, work: () => void): number | null {
  Object.assign(globalThis, { [WORK]: work });
  const beforeMs = processorMs();
  try {
    SCRIPT.runInThisContext({ timeout: Math.ceil(limitMs) });
    return null;
  } catch (error) {
    if (codeOf(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return processorMs() - beforeMs;
  }
}

/**
 * Runs `work`, which can be begun again at any point, until it ends or has really been at work for about `limitMs`: what got
 * too little of a busy machine is given more of the clock. False when it was stuck.
 */
export function bounded(limitMs: number, work: () => void): boolean {
  for (let clockMs = limitMs; ; clockMs *= 2) {
    const usedMs = within(clockMs, work);
    if (usedMs === null) return true;
    if (usedMs > limitMs / 2) return false;
  }
}

/** Milliseconds of processor time that this thread has had. */
export function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Has patterns that backtrack too much go on in V8's linear engine, where they can; before any pattern is made. */
export function fallBackToLinear(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}

/** On a busy machine a match may have to wait for its turn: it is given up to this many times its limit of the clock. */
const PATIENCE = 8;

/** The processor time of one match in milliseconds; one that takes longer than `limitMs` is stopped some way beyond. */
export function timeMatch(regex: RegExp, text: string, limitMs: number): number {
  for (let times = 1; ; times *= 2) {
    const beforeMs = processorMs();
    const usedMs = within(limitMs * times * 1.1, () => {
      regex.lastIndex = 0;
      regex.exec(text);
    });
    const ms = processorMs() - beforeMs;
    if (usedMs === null || ms > limitMs || times === PATIENCE) return ms;
  }
}
