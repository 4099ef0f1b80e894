import type { Readable } from 'node:stream';
import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';

/** Options that may stand before or after the command. Paths are as the user wrote them, null when not given. */
export type GlobalOptions = {
  readonly config: string | null;
  readonly state: string | null;
  readonly log: string | null;
  readonly dryRun: boolean;
  readonly json: boolean;
};

/** The outside world as a command sees it. */
export type Io = {
  /** Output goes to standard output, talk to standard error. */
  stdout(text: string): void;
  stderr(text: string): void;
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch seconds with fractions. */
  now(): number;
};

/** The options of a command line by name: flags are booleans, an option that was not given is undefined. */
export type Options = Readonly<Record<string, string | boolean | undefined>>;

/** What a command is called with: `words` are the arguments behind its name, `options` its own options. */
export type Call = {
  readonly words: readonly string[];
  readonly options: Options;
  readonly global: GlobalOptions;
  readonly io: Io;
};

/** One option of one command, for parsing and for its help text. */
export type OptionSpec = {
  readonly name: string;
  /** One letter without the dash. */
  readonly short?: string;
  /** What its argument is called; a flag has none. */
  readonly value?: string;
  readonly help: string;
};

/** Options that every command takes, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: 'config', short: 'c', value: 'DIR', help: 'read the configuration in DIR' },
  { name: 'state', value: 'FILE', help: 'keep the state in FILE (/var/lib/f2b/state.json)' },
  { name: 'log', value: 'FILE', help: 'append log lines to FILE instead of standard error' },
  { name: 'dry-run', short: 'n', help: 'print what would be executed, change nothing' },
  { name: 'json', help: 'answer in JSON where there is an answer' },
  { name: 'help', short: 'h', help: 'show help for the command' },
];

/** A command: `run` answers the exit code (0, 1, 2) or throws UsageError, ConfigError or MachineError. */
export type Subcommand = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The words behind the name: `JAIL IP..`. */
  readonly usage: string;
  readonly options: readonly OptionSpec[];
  /** Further help: paragraphs, already wrapped. */
  readonly about: string;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  run(call: Call): Promise<number>;
};

/** The command of that name. Throws UsageError with what was probably meant; `program` stands before it there. */
export function findCommand(name: string, commands: readonly Subcommand[], program = 'f2b'): Subcommand {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const hint = didYouMean(name, names, (close) => `"${program} ${close}"`);
  throw new UsageError(`there is no command "${name}"`, hint ?? 'see: f2b help');
}
