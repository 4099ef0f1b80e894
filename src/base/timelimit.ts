import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { codeOf } from './errors.ts';

const WORK = Symbol.for('f2b.work');
const SCRIPT = new Script(`globalThis[Symbol.for('f2b.work')]()`);

/**
 * Runs `work` and interrupts it after `limitMs`, even within a regex: some patterns backtrack for ever, and
 * nothing else stops V8. Costs about 0.1 ms a call. Returns null if `work` finished, else its processor time
 * in milliseconds; on a busy machine that is far below the limit, which is clock time.
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
 * Runs `work`, which can start over at any point, until it ends or has used about `limitMs` of processor
 * time. On a busy machine the clock limit is raised. False if it was stuck.
 */
export function bounded(limitMs: number, work: () => void): boolean {
  for (let clockMs = limitMs; ; clockMs *= 2) {
    const usedMs = within(clockMs, work);
    if (usedMs === null) return true;
    if (usedMs > limitMs / 2) return false;
  }
}

/** Milliseconds of processor time that this thread has used. */
export function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * Lets V8's linear engine take over patterns that backtrack too much, if it can; call before creating any
 * pattern.
 */
export function fallBackToLinear(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}

/** On a busy machine the clock limit of a match is raised up to this many times. */
const PATIENCE = 8;

/**
 * The processor time of one match in milliseconds. A match that takes longer than `limitMs` is stopped
 * somewhat later.
 */
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
