import minimist from 'minimist';
import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import {
  type Call,
  findCommand,
  GLOBAL_OPTIONS,
  type GlobalOptions,
  NO_OPTIONS,
  type OptionSpec,
  type Options,
  type Subcommand,
} from './command.ts';
import { SENT, sent } from './set.ts';

/** A parsed command line. */
type Request = Omit<Call, 'io'> & { readonly command: Subcommand };

/**
 * Parses a command line without the program name. `calledAs` is the name of the link: `fail2ban-client` and
 * `fail2ban-regex` behave like those programs. Throws UsageError.
 */
export function parseCommandLine(
  argv: readonly string[],
  calledAs: string,
  commands: readonly Subcommand[],
): Request {
  const words = inOwnWords(argv, calledAs);
  const at = commandIndex(words);
  const name = words[at];
  if (!commands.some((one) => one.name === name)) refuseUnknownBefore(words.slice(0, Math.max(at, 0)));
  const isSent = name !== undefined && SENT.includes(name);
  const command = isSent ? sent(name) : findCommand(name ?? 'help', commands);
  const rest = at < 0 ? words : [...words.slice(0, at), ...words.slice(at + 1)];
  return readRest(command, rest, commands);
}

/** The command's own options, and the global options that they do not override. */
function optionsOf(command: Subcommand): readonly OptionSpec[] {
  const names = new Set(command.options.map(({ name }) => name));
  const letters = new Set(command.options.map(({ short }) => short));
  const globals = GLOBAL_OPTIONS.filter(({ name }) => !names.has(name));
  const shared = globals.map(({ short, ...spec }) =>
    short === undefined || letters.has(short) ? spec : { ...spec, short },
  );
  return [...shared, ...command.options];
}

function readRest(command: Subcommand, rest: readonly string[], commands: readonly Subcommand[]): Request {
  const usable = optionsOf(command);
  // minimist would read --no-check-all as "check-all is off", so it becomes an option of ours first.
  const spelt = withNegatives(rest, usable).map((word) =>
    word === '--no-check-all' ? '--first-only' : word,
  );
  const parsed = minimist(spelt, {
    string: ['_', ...usable.filter(({ value }) => value !== undefined).map(({ name }) => name)],
    boolean: usable.filter(({ value }) => value === undefined).map(({ name }) => name),
    alias: Object.fromEntries(
      usable.flatMap(({ name, short }) => (short === undefined ? [] : [[short, name]])),
    ),
    unknown: (word) => refuseUnknown(word, command, usable),
  });
  const options: Options = Object.fromEntries(
    usable.map((spec) => [spec.name, givenOption(spec, parsed[spec.name])]),
  );
  if (options['help'] === true) {
    // Without a command the overview is wanted.
    const isOverview = command.name === 'help' && parsed._.length === 0;
    if (isOverview) return { command, words: [], options: {}, global: NO_OPTIONS };
    return { command: findCommand('help', commands), words: [command.name], options: {}, global: NO_OPTIONS };
  }
  return { command, words: parsed._, options, global: globalOf(options) };
}

/** `--bantime -1`: the number belongs to the option before it, where that takes a value. */
function withNegatives(words: readonly string[], specs: readonly OptionSpec[]): readonly string[] {
  const valued = specs.filter(({ value }) => value !== undefined);
  const nameOf = (word: string | undefined): string | undefined =>
    valued.find(({ name, short }) => word === `--${name}` || (short !== undefined && word === `-${short}`))
      ?.name;
  return words.flatMap((word, i) => {
    const isValue = (at: number): boolean =>
      /^-\d/.test(words[at] ?? '') && nameOf(words[at - 1]) !== undefined;
    if (isValue(i)) return [];
    return isValue(i + 1) ? [`--${nameOf(word)}=${words[i + 1]}`] : [word];
  });
}

function globalOf(options: Options): GlobalOptions {
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
    rawOutput: options['raw-output'] === true,
  };
}

function givenOption(
  { name, value, isRepeatable }: OptionSpec,
  given: unknown,
): string | boolean | undefined {
  if (value === undefined) return given === true;
  if (given === undefined) return undefined;
  if (Array.isArray(given) && isRepeatable === true && !given.includes('')) return given.join('\n');
  if (Array.isArray(given)) throw new UsageError(`--${name} was given more than once`);
  if (given === '') throw new UsageError(`--${name} needs a value: ${value}`);
  return String(given);
}

function refuseUnknown(word: string, command: Subcommand, specs: readonly OptionSpec[]): boolean {
  if (!word.startsWith('-') || word === '-') return true;
  const option = word.replace(/=.*$/s, '');
  const hint = nearOption(option, specs) ?? `see: f2b help ${command.name}`;
  throw new UsageError(`${command.name} has no option ${option}`, hint);
}

function nearOption(option: string, specs: readonly OptionSpec[]): string | null {
  const names = specs.map(({ name }) => name);
  return didYouMean(option.replace(/^--?/, ''), names, (close) => `--${close}`);
}

/** `--confg DIR status`: the apparent command is the value of a misspelt option. */
function refuseUnknownBefore(words: readonly string[]): void {
  const known = new Set(GLOBAL_OPTIONS.flatMap(({ name, short }) => [`--${name}`, `-${short}`]));
  const word = words.map((one) => one.replace(/=.*$/s, '')).find((one) => /^-./.test(one) && !known.has(one));
  if (word === undefined) return;
  const hint = nearOption(word, GLOBAL_OPTIONS) ?? 'see: f2b help';
  throw new UsageError(`${word} is no option that stands before a command`, hint);
}

/** Index of the first word that is neither a global option nor its value; -1 if there is none. */
function commandIndex(words: readonly string[]): number {
  const valued = new Set(
    GLOBAL_OPTIONS.flatMap(({ name, short, value }) =>
      value === undefined ? [] : [`--${name}`, `-${short}`],
    ),
  );
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (valued.has(word)) i++;
    else if (!word.startsWith('-')) return i;
  }
  return -1;
}

/** fail2ban's commands in f2b's words. */
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

function inOwnWords(argv: readonly string[], calledAs: string): readonly string[] {
  if (calledAs === 'fail2ban-regex') {
    const isFirst = argv.includes('--no-check-all') || argv.includes('--first-only');
    return isFirst ? ['regex', ...argv] : ['regex', '--check-all', ...argv];
  }
  const at = commandIndex(argv);
  const head = argv.slice(0, at < 0 ? argv.length : at).flatMap((word) => SPELLINGS.get(word) ?? [word]);
  if (at < 0) return head;
  const [name = '', jail, verb, ...rest] = argv.slice(at);
  if (name === 'set' && jail !== undefined && (verb === 'banip' || verb === 'unbanip')) {
    return [...head, verb, jail, ...rest];
  }
  return [...head, ...(SPELLINGS.get(name) ?? [name]), ...argv.slice(at + 1)];
}
