import { spawnSync } from 'node:child_process';

let words: readonly string[] | null = null;

/**
 * Words to put before a program that is to run as long as we do: the kernel ends it when we die, however we die.
 * Empty where setpriv(1) is missing or too old (util-linux before 2.33); such a program then ends at its next output.
 */
export function tether(): readonly string[] {
  if (words !== null) return words;
  const tied = ['setpriv', '--pdeathsig', 'TERM'];
  const [program = '', ...args] = tied;
  const { status } = spawnSync(program, [...args, 'true'], { stdio: 'ignore' });
  words = status === 0 ? tied : [];
  return words;
}
