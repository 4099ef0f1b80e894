import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** An action as fail2ban's reader resolves it: its options as its server would see them, for each family. */
export type OriginalAction = {
  readonly name: string;
  readonly type: string;
  readonly inet4: Readonly<Record<string, string>>;
  readonly inet6: Readonly<Record<string, string>>;
};

/** A jail as fail2ban's reader resolves it; durations also in seconds. */
export type OriginalJail = {
  readonly error?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly seconds: Readonly<Record<string, number>>;
  readonly filter: Readonly<Record<string, string>> | null;
  readonly actions: readonly OriginalAction[];
};

/** A filter to resolve: its name, its bracket options, the jail's backend. */
export type FilterAsk = readonly [name: string, options: Readonly<Record<string, string>>, backend: string];

/** An action to resolve: its name and its bracket options. */
export type ActionAsk = readonly [name: string, options: Readonly<Record<string, string>>];

/** What to resolve: filters, actions, and whether the jails too (all of them when `force`, else the enabled ones). */
export type Ask = {
  readonly filters?: readonly FilterAsk[];
  readonly actions?: readonly ActionAsk[];
  readonly jails?: boolean;
  readonly force?: boolean;
};

/** What fail2ban's reader made of it, in the order that was asked. */
export type Answer = {
  readonly filters: readonly Readonly<Record<string, string>>[];
  readonly actions: readonly (OriginalAction & { readonly error?: string })[];
  readonly jails: Readonly<Record<string, OriginalJail>>;
};

const PYTHON = '/usr/bin/python3';

/** For `skip`: why fail2ban's own reader cannot be asked, or false. */
export function unlessOriginal(): string | false {
  if (!existsSync('/etc/fail2ban/jail.conf')) return 'not installed: fail2ban (no /etc/fail2ban)';
  const found = spawnSync(PYTHON, ['-c', 'import fail2ban.client.jailsreader'], { encoding: 'utf8' });
  return found.status === 0 ? false : 'not installed: fail2ban for python3';
}

/** Lets fail2ban's own reader resolve configuration folders: one answer for each. */
export function askOriginalAll(folders: readonly string[], ask: Ask): readonly Answer[] {
  const script = join(import.meta.dirname, 'original.py');
  const done = spawnSync(PYTHON, [script, ...folders], {
    input: JSON.stringify({ filters: [], actions: [], jails: false, force: false, ...ask }),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  if (done.status !== 0) throw new Error(`${script} failed: ${done.stderr}`);
  return JSON.parse(done.stdout) as Answer[];
}

/** Lets fail2ban's own reader resolve one configuration folder. */
export function askOriginal(folder: string, ask: Ask): Answer {
  const [answer] = askOriginalAll([folder], ask);
  if (answer === undefined) throw new Error('no answer');
  return answer;
}
