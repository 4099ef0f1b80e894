/**
 * The types of a command, and the options that all commands share.
 *
 * A command gets everything it needs in its Call: words, options, streams, environment and clock. It returns
 * an exit code, prints results to standard output, and throws UsageError, ConfigError or MachineError.
 *
 *     const command = findCommand('status', COMMANDS);
 *     process.exitCode = await command.run({ global, words: ['sshd'], options: {}, io });
 */

import type { Readable } from 'node:stream';
import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';

/** Options before or after the command. Paths are as the user wrote them, null if not given. */
export type GlobalOptions = {
  readonly config: string | null;
  readonly state: string | null;
  readonly log: string | null;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly rawOutput: boolean;
};

/** None of them is given. */
export const NO_OPTIONS: GlobalOptions = {
  config: null,
  state: null,
  log: null,
  dryRun: false,
  json: false,
  rawOutput: false,
};

/** The outside world of a command. */
export type Io = {
  /** Results go to standard output, messages to standard error. */
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether standard output is a terminal, which a person reads; absent: it is none. */
  readonly isTerminal?: boolean;
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch seconds with fractions. */
  now(): number;
};

/** The options of a command line by name. Flags are booleans; an option that was not given is undefined. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** The arguments of a command: `words` follow its name, `options` are its own options. */
export type Call = {
  readonly words: readonly string[];
  readonly options: Options;
  readonly global: GlobalOptions;
  readonly io: Io;
};

/** An option of a command, for parsing and for help. */
export type OptionSpec = {
  readonly name: string;
  /** One letter without the dash. */
  readonly short?: string;
  /** The name of its argument; a flag has none. */
  readonly value?: string;
  /** May be given several times: the values are joined by newlines. */
  readonly isRepeatable?: true;
  readonly help: string;
};

/** Options of every command, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: 'config', short: 'c', value: 'DIR', help: 'read the configuration in DIR' },
  { name: 'state', value: 'FILE', help: 'keep the state in FILE (/var/lib/f2b/state.json)' },
  { name: 'log', value: 'FILE', help: 'append log lines to FILE instead of standard error' },
  { name: 'dry-run', short: 'n', help: 'print what would be executed, change nothing' },
  { name: 'json', help: 'answer in JSON where there is an answer' },
  { name: 'raw-output', help: 'print control characters of log lines as they are; never to a terminal' },
  { name: 'help', short: 'h', help: 'show help for the command' },
];

/** A command. `run` returns the exit code: 0, 1 or 2. */
export type Subcommand = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The words after the name: `JAIL IP..`. */
  readonly usage: string;
  readonly options: readonly OptionSpec[];
  /** More help: paragraphs, which help wraps; an indented line stays as it is. */
  readonly about: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  run(call: Call): Promise<number>;
};

/** What people type who know fail2ban, in f2b's words. */
const FAIL2BAN_WORDS: ReadonlyMap<string, string> = new Map([
  ['ban', 'banip'],
  ['addignoreip', 'set JAIL addignoreip IP'],
  ['delignoreip', 'set JAIL delignoreip IP'],
  ['dump', 'check --dump'],
  ['test', 'check'],
]);

/** Finds a command by name. Throws UsageError with a suggestion; `program` precedes it there. */
export function findCommand(name: string, commands: readonly Subcommand[], program = 'f2b'): Subcommand {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const known = FAIL2BAN_WORDS.get(name);
  const hint =
    known === undefined
      ? didYouMean(name, names, (close) => `"${program} ${close}"`)
      : `did you mean "${program} ${known}"?`;
  throw new UsageError(`there is no command "${name}"`, hint ?? 'see: f2b help');
}
