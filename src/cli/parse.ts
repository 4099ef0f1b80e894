import minimist from 'minimist';
import { UsageError } from '../base/errors.ts';
import { nearest } from '../base/suggest.ts';
import type { GlobalOptions, OptionSpec, Subcommand } from './command.ts';

/** What the command line asks for, ready to run. */
export type Request = {
  readonly command: Subcommand;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly global: GlobalOptions;
};

/** Options that every command takes, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: 'config', short: 'c', value: 'DIR', help: 'read the configuration in DIR' },
  { name: 'state', short: null, value: 'FILE', help: 'keep the state in FILE (/var/lib/f2b/state.json)' },
  { name: 'log', short: null, value: 'FILE', help: 'append log lines to FILE instead of standard error' },
  { name: 'dry-run', short: 'n', value: null, help: 'print what would be executed, change nothing' },
  { name: 'json', short: null, value: null, help: 'answer in JSON where there is an answer' },
  { name: 'help', short: 'h', value: null, help: 'show help for the command' },
];

/**
 * Reads a command line (without program name). `calledAs` is the name of the link f2b was called by:
 * `fail2ban-client` and `fail2ban-regex` work as those programs' users expect. Throws UsageError.
 */
export function parseCommandLine(
  argv: readonly string[],
  calledAs: string,
  commands: readonly Subcommand[],
): Request {
  const words = translate(argv, calledAs);
  const at = commandIndex(words);
  const name = words[at];
  if (!commands.some((one) => one.name === name)) refuseUnknownBefore(words.slice(0, Math.max(at, 0)));
  const command = name === undefined ? findCommand('help', commands) : findCommand(name, commands);
  const rest = at < 0 ? words : [...words.slice(0, at), ...words.slice(at + 1)];
  return interpret(command, rest, commands);
}

/** The command's own options, and the global ones that they do not replace; its own letters win. */
export function optionsOf(command: Subcommand): readonly OptionSpec[] {
  const names = new Set(command.options.map(({ name }) => name));
  const letters = new Set(command.options.map(({ short }) => short));
  const globals = GLOBAL_OPTIONS.filter(({ name }) => !names.has(name));
  return [
    ...globals.map((spec) => (letters.has(spec.short) ? { ...spec, short: null } : spec)),
    ...command.options,
  ];
}

function interpret(command: Subcommand, rest: readonly string[], commands: readonly Subcommand[]): Request {
  const usable = optionsOf(command);
  // minimist reads --no-x as "x is off", which no option of ours can be told by.
  const spelt = rest.map((word) => (word === '--no-check-all' ? '--first-only' : word));
  const parsed = minimist(spelt, {
    string: ['_', ...usable.filter(({ value }) => value !== null).map(({ name }) => name)],
    boolean: usable.filter(({ value }) => value === null).map(({ name }) => name),
    alias: Object.fromEntries(usable.flatMap(({ name, short }) => (short === null ? [] : [[short, name]]))),
    unknown: (word) => refuseUnknown(word, command, usable),
  });
  const options: Record<string, string | boolean | undefined> = {};
  for (const { name, value } of usable) options[name] = readOption(name, value, parsed[name]);
  if (options['help'] === true) {
    return { command: findCommand('help', commands), words: [command.name], options: {}, global: NO_OPTIONS };
  }
  return { command, words: parsed._, options, global: globalOf(options) };
}

const NO_OPTIONS: GlobalOptions = { config: null, state: null, log: null, dryRun: false, json: false };

function globalOf(options: Readonly<Record<string, string | boolean | undefined>>): GlobalOptions {
  const text = (name: string): string | null => {
    const value = options[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    config: text('config'),
    state: text('state'),
    log: text('log'),
    dryRun: options['dry-run'] === true,
    json: options['json'] === true,
  };
}

function readOption(name: string, value: string | null, given: unknown): string | boolean | undefined {
  if (value === null) return given === true;
  if (given === undefined) return undefined;
  if (Array.isArray(given)) throw new UsageError(`--${name} was given more than once`);
  if (given === '') throw new UsageError(`--${name} needs a value: ${value}`);
  return String(given);
}

function refuseUnknown(word: string, command: Subcommand, specs: readonly OptionSpec[]): boolean {
  if (!word.startsWith('-') || word === '-') return true;
  const name = word.replace(/^--?/, '').replace(/=.*$/, '');
  const close = nearest(
    name,
    specs.map((spec) => spec.name),
  );
  throw new UsageError(
    `${command.name} has no option ${word.replace(/=.*$/s, '')}`,
    close === null ? `see: f2b help ${command.name}` : `did you mean --${close}?`,
  );
}

/** `--confg DIR status`: what looks like a wrong command is the value of a misspelt option. */
function refuseUnknownBefore(words: readonly string[]): void {
  const names = GLOBAL_OPTIONS.map(({ name }) => name);
  const known = new Set(GLOBAL_OPTIONS.flatMap(({ name, short }) => [`--${name}`, `-${short}`]));
  const word = words.map((one) => one.replace(/=.*$/s, '')).find((one) => /^-./.test(one) && !known.has(one));
  if (word === undefined) return;
  const close = nearest(word.replace(/^--?/, ''), names);
  throw new UsageError(
    `${word} is no option that stands before a command`,
    close === null ? 'see: f2b help' : `did you mean --${close}?`,
  );
}

function findCommand(name: string, commands: readonly Subcommand[]): Subcommand {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const close = nearest(
    name,
    commands.map((command) => command.name),
  );
  throw new UsageError(
    `there is no command "${name}"`,
    close === null ? 'see: f2b help' : `did you mean "f2b ${close}"?`,
  );
}

/** Index of the first word that is no global option and no global option's value; -1 when there is none. */
function commandIndex(words: readonly string[]): number {
  const valued = new Set(
    GLOBAL_OPTIONS.filter(({ value }) => value !== null).flatMap(({ name, short }) => [
      `--${name}`,
      `-${short}`,
    ]),
  );
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (valued.has(word)) i++;
    else if (!word.startsWith('-')) return i;
  }
  return -1;
}

/** fail2ban's own spellings in f2b's. */
const SPELLINGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['-t', ['check']],
  ['--test', ['check']],
  ['-d', ['check', '--dump']],
  ['--dump', ['check', '--dump']],
  ['--dp', ['check', '--dump']],
  ['-V', ['version']],
  ['--version', ['version']],
  ['unban', ['unbanip']],
  ['start', ['run']],
]);

function translate(argv: readonly string[], calledAs: string): readonly string[] {
  if (calledAs === 'fail2ban-regex') return ['regex', ...argv];
  const at = commandIndex(argv);
  const head = argv.slice(0, at < 0 ? argv.length : at).flatMap((word) => SPELLINGS.get(word) ?? [word]);
  if (at < 0) return head;
  const [name = '', jail, verb, ...rest] = argv.slice(at);
  if (name === 'set' && jail !== undefined && (verb === 'banip' || verb === 'unbanip')) {
    return [...head, verb, jail, ...rest];
  }
  return [...head, ...(SPELLINGS.get(name) ?? [name]), ...argv.slice(at + 1)];
}
