import type { Readable } from 'node:stream';

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

/** What a command is called with: `words` are the arguments behind its name, `options` its own flags by name. */
export type Call = {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly global: GlobalOptions;
  readonly io: Io;
};

/** One option of one command, for parsing and for its help text. `value` names its argument, null = a flag. */
export type OptionSpec = {
  readonly name: string;
  /** One letter without the dash, or null. */
  readonly short: string | null;
  readonly value: string | null;
  readonly help: string;
};

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
