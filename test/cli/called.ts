import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type GlobalOptions, NO_OPTIONS, type Options, type Subcommand } from '../../src/cli/command.ts';

/** What a command is called with in a test, beside its words. */
type Around = {
  readonly options?: Options;
  readonly global?: Partial<GlobalOptions>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly isTerminal?: boolean;
};

/** Runs a command in this process, at second 1000; answers its exit code and what it printed. */
export async function called(command: Subcommand, words: readonly string[], around: Around = {}) {
  const said = { stdout: '', stderr: '' };
  const code = await command.run({
    words,
    options: around.options ?? {},
    global: {
      ...NO_OPTIONS,
      ...around.global,
    },
    io: {
      stdout: (text) => {
        said.stdout += text;
      },
      stderr: (text) => {
        said.stderr += text;
      },
      isTerminal: around.isTerminal ?? false,
      stdin: Readable.from([around.stdin ?? '']),
      env: around.env ?? {},
      now: () => 1000,
    },
  });
  return { code, ...said };
}

/** A temporary folder with a configuration and a state, both gone after the work. */
export type Home = { readonly folder: string; readonly config: string; readonly state: string };

/** Two jails that only log, web and mail, and one that is disabled. */
const JAILS = `[DEFAULT]
bantime = 10m
filter =
logpath = web.log
banaction = dummy
action = %(banaction)s
ignoreself = false
protectssh = no
[web]
enabled = true
[mail]
enabled = true
[off]
enabled = false
`;

/** Works with the jails above, or those of another jail.local. */
export async function withHome(work: (home: Home) => Promise<void>, jails = JAILS): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-cli-'));
  try {
    const home = { folder, config: join(folder, 'config'), state: join(folder, 'state.json') };
    mkdirSync(home.config);
    writeFileSync(join(home.config, 'jail.local'), jails);
    await work(home);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
