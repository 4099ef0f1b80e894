import { programVersion } from '../base/embedded.ts';
import { findCommand, GLOBAL_OPTIONS, type OptionSpec, type Subcommand } from './command.ts';

/** Makes the command `f2b help [COMMAND]`. */
export function makeHelp(commands: () => readonly Subcommand[]): Subcommand {
  return {
    name: 'help',
    summary: 'show this, or the help of one command',
    usage: '[COMMAND]',
    options: [],
    about: '',
    examples: [['f2b help banip', 'how to ban by hand']],
    async run({ words, io }) {
      const [name] = words;
      io.stdout(
        name === undefined ? overview(commands()) : manual(findCommand(name, commands(), 'f2b help')),
      );
      return 0;
    },
  };
}

/** The commands with their summaries, one per line in columns, for `f2b help` and the README. */
export function commandLines(commands: readonly Subcommand[]): readonly string[] {
  return inColumns(commands.map(({ name, summary }) => [name, summary]));
}

function overview(commands: readonly Subcommand[]): string {
  return [
    `f2b ${programVersion()}: bans addresses that fail too often, as the logs tell`,
    '',
    'Usage: f2b [options] COMMAND [arguments]',
    '',
    'Commands:',
    ...commandLines(commands),
    '',
    'Options for every command:',
    ...optionLines(GLOBAL_OPTIONS),
    '',
    'f2b help COMMAND shows the rest, with examples.',
    '',
  ].join('\n');
}

function manual(command: Subcommand): string {
  const { name, summary, usage, options, about, examples } = command;
  return [
    `f2b ${name}: ${summary}`,
    '',
    `Usage: f2b ${name} ${usage}`.trimEnd(),
    ...(about === '' ? [] : ['', about.trimEnd()]),
    ...(options.length === 0 ? [] : ['', 'Options:', ...optionLines(options)]),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...inColumns(examples)]),
    '',
  ].join('\n');
}

function optionLines(options: readonly OptionSpec[]): readonly string[] {
  const rows = options.map(({ name, short, value, help }) => {
    const letter = short === undefined ? '    ' : `-${short}, `;
    return [`${letter}--${name}${value === undefined ? '' : ` ${value}`}`, help] as const;
  });
  return inColumns(rows);
}

function inColumns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
