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
 * time, on a slow machine more. On a busy machine the clock limit is raised. False if it was stuck.
 */
export function bounded(limitMs: number, work: () => void): boolean {
  for (let clockMs = limitMs; ; clockMs *= 2) {
    const usedMs = within(clockMs, work);
    if (usedMs === null) return true;
    if (usedMs > (limitMs * slowness()) / 2) return false;
  }
}

/** Milliseconds of processor time that this thread has used. */
export function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** A task that takes a server of 2020 about a millisecond: half of it V8's regexes, half of it JavaScript. */
const TASK_MS = 1;
const TASK_TEXT = `${'ab '.repeat(40)}c`;
const TASK_TIMES = 300;
/** A machine that is less slow than this is a busy one. */
const SLOW = 2;
/** The task's best time counts: others may have had the processor, or its memory. */
const TASK_RUNS = 5;
let measured: number | null = null;

/**
 * How many times slower than a usual server this machine is, from 1 on: limits in milliseconds are meant for a server. Measured at the
 * first call, some milliseconds.
 */
export function slowness(): number {
  if (measured !== null) return measured;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run <= TASK_RUNS; run++) {
    // Processor time is told in steps of several milliseconds on some machines.
    const beforeMs = performance.now();
    doTask();
    // The first run is the compiler's.
    if (run > 0) bestMs = Math.min(bestMs, performance.now() - beforeMs);
  }
  const times = bestMs / TASK_MS;
  return (measured = times < SLOW ? 1 : times);
}

function doTask(): number {
  const regex = /^(?:(?:a|b)+ )*(?:ab |ba )*d/;
  let sum = 0;
  for (let time = 0; time < TASK_TIMES; time++) {
    if (regex.test(TASK_TEXT)) sum++;
    for (let i = 0; i < TASK_TEXT.length; i++) sum = (Math.imul(sum, 31) + TASK_TEXT.charCodeAt(i)) | 0;
  }
  return sum;
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
 * The processor time of one match, in milliseconds of a usual server. A match that takes longer than `limitMs` is
 * stopped somewhat later.
 */
export function timeMatch(regex: RegExp, text: string, limitMs: number): number {
  let slow = 1;
  for (let times = 1; ; times *= 2) {
    const beforeMs = processorMs();
    const usedMs = within(limitMs * times * 1.1, () => {
      regex.lastIndex = 0;
      regex.exec(text);
    });
    const ms = processorMs() - beforeMs;
    if (ms > limitMs && slow === 1) slow = slowness();
    if (usedMs === null || ms > limitMs * slow || times >= PATIENCE * slow) return ms / slow;
  }
}
