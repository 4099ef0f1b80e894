import { Readable } from 'node:stream';
import type { GlobalOptions, Options, Subcommand } from '../../src/cli/command.ts';

/** What a command is called with in a test, beside its words. */
type Around = {
  readonly options?: Options;
  readonly global?: Partial<GlobalOptions>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
};

/** Runs a command in this process, at second 1000; answers its exit code and what it printed. */
export async function called(command: Subcommand, words: readonly string[], around: Around = {}) {
  const said = { stdout: '', stderr: '' };
  const code = await command.run({
    words,
    options: around.options ?? {},
    global: { config: null, state: null, log: null, dryRun: false, json: false, ...around.global },
    io: {
      stdout: (text) => {
        said.stdout += text;
      },
      stderr: (text) => {
        said.stderr += text;
      },
      stdin: Readable.from([around.stdin ?? '']),
      env: around.env ?? {},
      now: () => 1000,
    },
  });
  return { code, ...said };
}
