import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The installed fail2ban and CPython's `re`, asked one question at a time. */
export type Oracle = { readonly ask: (question: object) => Promise<unknown>; readonly close: () => void };

const PYTHON = '/usr/bin/python3';

/** Why the oracle cannot be had here, or null when it can. */
export function whyNoOracle(): string | null {
  const isThere = spawnSync(PYTHON, ['-c', 'import fail2ban.server.failregex'], { encoding: 'utf8' });
  if (isThere.error) return `${PYTHON} is not there`;
  return isThere.status === 0 ? null : 'the package fail2ban is not installed';
}

const SCRIPT = fileURLToPath(new URL('./oracle.py', import.meta.url));

/** Starts one Python process, the script with its words; it ends with close() or when its input does. */
export function openOracle(script = SCRIPT, ...words: readonly string[]): Oracle {
  const child = spawn(PYTHON, [script, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const line = await lines.next();
      if (line.done) throw new Error('the oracle ended');
      return JSON.parse(line.value);
    },
    close() {
      child.stdin.end();
      child.kill();
    },
  };
}
