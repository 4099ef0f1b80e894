import { Script } from 'node:vm';
import { codeOf } from './errors.ts';

const WORK = Symbol.for('f2b.clock');
const SCRIPT = new Script(`globalThis[Symbol.for('f2b.clock')]()`);
/** On a busy machine a match may have to wait for its turn: what got too little is given more, up to so many times its limit. */
const PATIENCE = 8;

/** The processor time of one match in milliseconds; one that takes longer than `limitMs` is stopped some way beyond. */
export function timeMatch(regex: RegExp, text: string, limitMs: number): number {
  let ms = 0;
  for (let times = 1; times <= PATIENCE; times *= 2) {
    const run = runOnce(regex, text, limitMs * times * 1.1);
    ms = run.ms;
    if (run.hasEnded || ms > limitMs) return ms;
  }
  return ms;
}

function runOnce(regex: RegExp, text: string, timeout: number): { ms: number; hasEnded: boolean } {
  Object.assign(globalThis, {
    [WORK]: () => {
      regex.lastIndex = 0;
      regex.exec(text);
    },
  });
  let hasEnded = true;
  const before = process.cpuUsage();
  try {
    SCRIPT.runInThisContext({ timeout: Math.ceil(timeout) });
  } catch (error) {
    if (codeOf(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    hasEnded = false;
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, hasEnded };
}
