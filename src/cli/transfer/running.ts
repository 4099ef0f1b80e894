import { readFileSync, realpathSync } from 'node:fs';
import { command, type Output, run } from '../../base/process.ts';
import type { ForeignBan } from './foreign.ts';
import { readBanList } from './lists.ts';

/** The places where packages and pip put it. */
const CLIENTS = ['/usr/bin/fail2ban-client', '/usr/local/bin/fail2ban-client', '/usr/sbin/fail2ban-client'];

/** The original's own client, which is a Python script; null where there is none. A link to f2b is none. */
export function originalClient(): string | null {
  return CLIENTS.find((path) => isPython(path)) ?? null;
}

function isPython(path: string): boolean {
  try {
    const file = realpathSync(path);
    return (
      file !== realpathSync(process.execPath) && /^#!.*python/.test(readFileSync(file, 'latin1').slice(0, 80))
    );
  } catch {
    return false;
  }
}

/** The words before a command that lead to another server: `-s SOCKET`. */
export type ClientWords = readonly string[];

/** The bans of a running fail2ban, or why it cannot be asked. */
export async function bansOfRunning(
  client: string,
  words: ClientWords,
  now: number,
): Promise<readonly ForeignBan[] | string> {
  const ask = (...more: readonly string[]): Promise<Output> => run(command([client, ...words, ...more]), 30);
  const status = await ask('status');
  if (status.exitCode !== 0) return status.trouble ?? (status.stderr.trim() || status.stdout.trim());
  const jails = (/Jail list:\s*(.*)/.exec(status.stdout)?.[1] ?? '')
    .split(/,\s*/)
    .filter((name) => name !== '');
  const bans: ForeignBan[] = [];
  for (const jail of jails) {
    const { stdout } = await ask('get', jail, 'banip', '--with-time');
    bans.push(...readBanList(stdout, jail, now).bans.map((ban) => ({ ...ban, jail })));
  }
  return bans;
}
