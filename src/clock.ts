import { Script } from 'node:vm';
import { codeOf } from './errors.ts';

const WORK = Symbol.for('f2b.clock');
const SCRIPT = new Script(`globalThis[Symbol.for('f2b.clock')]()`);
/** On a busy machine a match may have to wait for its turn; it is stopped only after this many times its limit. */
const PATIENCE = 4;

/** The processor time of one match in milliseconds; one that does not end is stopped. */
export function timeMatch(regex: RegExp, text: string, limitMs: number): number {
  Object.assign(globalThis, {
    [WORK]: () => {
      regex.lastIndex = 0;
      regex.exec(text);
    },
  });
  const before = process.cpuUsage();
  try {
    SCRIPT.runInThisContext({ timeout: limitMs * PATIENCE });
  } catch (error) {
    if (codeOf(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
