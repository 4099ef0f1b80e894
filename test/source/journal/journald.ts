import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const JOURNALD = '/lib/systemd/systemd-journald';

/** Why no private journald can run here; null when it can. */
export function journaldTrouble(): string | null {
  if (process.getuid?.() !== 0) return 'needs root for a mount namespace';
  if (!existsSync(JOURNALD) || !existsSync('/usr/bin/journalctl')) return 'no systemd-journald here';
  if (!existsSync('/etc/machine-id')) return 'no /etc/machine-id here';
  try {
    execFileSync('unshare', ['-m', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/run'], {
      stdio: 'ignore',
    });
    return null;
  } catch {
    return 'no mount namespaces here';
  }
}

/** A real systemd-journald whose /run and /var/log/journal are its own. */
export type Journald = {
  /** Runs a program where this journal is the machine's. */
  readonly within: (...command: string[]) => readonly string[];
  /** Logs lines as `identifier`, each an entry, and waits until the journal has them. */
  readonly log: (identifier: string, lines: readonly string[]) => void;
  readonly run: (...command: string[]) => string;
  /** Sends one entry with fields as they are. */
  readonly send: (fields: string) => void;
};

const SETUP = `
  folder=$1
  mount -t tmpfs tmpfs /run
  mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log /run/lock /var/log/journal "$folder/log"
  mount --bind "$folder/log" /var/log/journal
  echo 0123456789abcdef0123456789abcdef > "$folder/machine-id"
  mount --bind "$folder/machine-id" /etc/machine-id
  touch /run/systemd/journal/flushed
  printf '[Journal]\\nStorage=persistent\\nReadKMsg=no\\nForwardToSyslog=no\\nForwardToWall=no\\nAudit=no\\nRateLimitIntervalSec=0\\nSystemMaxUse=200M\\n' > /run/systemd/journald.conf.d/f2b.conf
  ${JOURNALD} > "$folder/journald.out" 2>&1 &
  child=$!
  i=0
  while [ ! -S /run/systemd/journal/stdout ] && [ $i -lt 400 ]; do sleep 0.05; i=$((i + 1)); done
  echo ready
  read -r _
  kill $child
  wait $child
  exit 0
`;

/** Starts one; it ends with the test. */
export async function startJournald(t: TestContext): Promise<Journald> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-journald-'));
  const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', SETUP, 'sh', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(async () => {
    await ended(holder);
    rmSync(folder, { recursive: true, force: true });
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => resolve());
    holder.once('exit', () => reject(new Error('journald did not start')));
  });
  const within = (...command: string[]): readonly string[] => [
    'nsenter',
    '-t',
    String(holder.pid),
    '-m',
    ...command,
  ];
  const pipe = (input: string, ...command: string[]): string => {
    const [program, ...args] = within(...command);
    return execFileSync(program ?? '', args, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  };
  const sync = (): string => pipe('', 'journalctl', '--sync');
  return {
    within,
    run: (...command) => pipe('', ...command),
    send: (fields) => pipe(fields, 'logger', '--journald'),
    log: (identifier, lines) => {
      pipe(lines.map((line) => `${line}\n`).join(''), 'systemd-cat', '-t', identifier, 'cat');
      sync();
    },
  };
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.stdin?.end('\n');
  });
}
