import { programVersion } from '../base/embedded.ts';
import { UsageError } from '../base/errors.ts';
import { findCommand, GLOBAL_OPTIONS, type OptionSpec, type Subcommand } from './command.ts';
import { COLUMNS, inColumns, type Part, partsOf, wrapped } from './wrap.ts';

/** Makes the command `f2b help [COMMAND]`. */
export function makeHelp(commands: () => readonly Subcommand[]): Subcommand {
  return {
    name: 'help',
    summary: 'show this, or the help of one command',
    usage: '[COMMAND] | --man PAGE | --completion SHELL',
    options: [
      { name: 'man', value: 'PAGE', help: 'print a manual page: f2b.1, f2b-regex.1 or f2b-jail.conf.5' },
      { name: 'completion', value: 'SHELL', help: 'print the completion for bash, zsh or fish' },
    ],
    about: '',
    examples: [
      ['f2b help banip', 'how to ban by hand'],
      ['f2b help --man f2b.1 | man -l -', 'the manual'],
      ['f2b help --completion bash > /etc/bash_completion.d/f2b', 'completion for bash'],
    ],
    async run({ words, options, io }) {
      const [name] = words;
      const [man, shell] = [options['man'], options['completion']];
      if (typeof man === 'string') {
        io.stdout(await pageNamed(man, commands()));
        return 0;
      }
      if (typeof shell === 'string') {
        io.stdout(await completionFor(shell, commands()));
        return 0;
      }
      io.stdout(
        name === undefined ? overview(commands()) : manual(findCommand(name, commands(), 'f2b help')),
      );
      return 0;
    },
  };
}

async function pageNamed(name: string, commands: readonly Subcommand[]): Promise<string> {
  const { manualPages } = await import('./pages/man.ts');
  const pages = manualPages(commands);
  const text = pages.get(name);
  if (text !== undefined) return text;
  throw new UsageError(`there is no manual page "${name}"`, `write ${[...pages.keys()].join(', ')}`);
}

async function completionFor(name: string, commands: readonly Subcommand[]): Promise<string> {
  const { completionOf, SHELLS } = await import('./pages/completion.ts');
  const shell = (['bash', 'zsh', 'fish'] as const).find((one) => one === name);
  if (shell !== undefined) return completionOf(shell, commands);
  throw new UsageError(`there is no completion for "${name}"`, `write ${Object.keys(SHELLS).join(', ')}`);
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
    ...(about === '' ? [] : ['', ...partsOf(about).flatMap(inWidth)]),
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

function inWidth({ kind, lines, isApart }: Part): readonly string[] {
  const shown = kind === 'table' ? lines : lines.flatMap((line) => wrapped(line, COLUMNS));
  return isApart ? ['', ...shown] : shown;
}
