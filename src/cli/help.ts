import { programVersion } from '../base/embedded.ts';
import { UsageError } from '../base/errors.ts';
import { nearest } from '../base/suggest.ts';
import type { OptionSpec, Subcommand } from './command.ts';
import { GLOBAL_OPTIONS } from './parse.ts';

/** Makes `f2b help [COMMAND]` for the given commands. */
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
      if (name === undefined) {
        io.stdout(overview(commands()));
        return 0;
      }
      const command = commands().find((candidate) => candidate.name === name);
      if (command === undefined) {
        const close = nearest(
          name,
          commands().map((candidate) => candidate.name),
        );
        throw new UsageError(
          `there is no command "${name}"`,
          close === null ? 'see: f2b help' : `did you mean "f2b help ${close}"?`,
        );
      }
      io.stdout(manual(command));
      return 0;
    },
  };
}

function overview(commands: readonly Subcommand[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    `f2b ${programVersion()}: bans addresses that fail too often, as the logs tell`,
    '',
    'Usage: f2b [options] COMMAND [arguments]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
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
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...exampleLines(examples)]),
    '',
  ].join('\n');
}

function optionLines(options: readonly OptionSpec[]): string[] {
  const heads = options.map(({ name, short, value }) => {
    const letter = short === null ? '    ' : `-${short}, `;
    return `  ${letter}--${name}${value === null ? '' : ` ${value}`}`;
  });
  const width = Math.max(...heads.map((head) => head.length));
  return options.map(({ help }, i) => `${(heads[i] ?? '').padEnd(width)}  ${help}`);
}

function exampleLines(examples: Subcommand['examples']): string[] {
  const width = Math.max(...examples.map(([command]) => command.length));
  return examples.map(([command, meaning]) => `  ${command.padEnd(width)}  ${meaning}`);
}
