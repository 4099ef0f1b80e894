import './base/start.ts';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ConfigError, formatProblem, MachineError, UsageError } from './base/errors.ts';
import { enableJit } from './base/memory.ts';
import { fallBackToLinear } from './base/timelimit.ts';
import { visible } from './base/visible.ts';
import { runClient } from './cli/client/client.ts';
import { isForeground } from './cli/client/options.ts';
import { demandRegex, regexPreface } from './cli/client/regexname.ts';
import type { Io } from './cli/command.ts';
import { COMMANDS } from './cli/commands.ts';
import { parseCommandLine } from './cli/parse.ts';

fallBackToLinear();

/** What logs and file names say reaches no terminal as it is. */
let isRaw = false;

const io: Io = {
  stdout: (text) => void process.stdout.write(isRaw ? text : visible(text)),
  stderr: (text) => void process.stderr.write(visible(text)),
  isTerminal: process.stdout.isTTY === true,
  // When it is wanted: most commands never touch it, and its modules are memory.
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  now: () => Date.now() / 1000,
};

/** The name of the link by which f2b was called. */
const calledAs = basename(process.argv0);
nameProcess(calledAs);

/** Whether the command line could be read. */
let isParsed = false;

main().then(finish, (error: unknown) => finish(report(error)));

async function main(): Promise<number> {
  if (calledAs === 'fail2ban-client' || calledAs === 'fail2ban-server') {
    const words = process.argv.slice(2);
    if (!isForeground(words)) leaveWithReader();
    return runClient(words, calledAs, io);
  }
  if (calledAs === 'fail2ban-regex') {
    const { text, isAll } = regexPreface(process.argv.slice(2));
    if (text !== '') io.stdout(text);
    if (isAll) return 0;
  }
  const request = parseCommandLine(process.argv.slice(2), calledAs, COMMANDS);
  const { command, words, options, global } = request;
  isParsed = true;
  if (calledAs === 'fail2ban-regex' && command.name === 'regex') demandRegex(words);
  // The daemon decides for itself when its work is worth it, and says nothing there; the others end soon or have much to do.
  if (command.name !== 'run') enableJit();
  if (command.name !== 'run' || global.dryRun) leaveWithReader();
  if (global.rawOutput && process.stdout.isTTY)
    throw new UsageError('--raw-output needs a pipe or a file', 'a terminal may obey what a log says');
  isRaw = global.rawOutput;
  return command.run({ words, options, global, io });
}

/** The name for `ps -o comm` and `pgrep -x`; Node's is MainThread. process.title would overwrite the arguments. */
function nameProcess(calledAs: string): void {
  try {
    writeFileSync('/proc/self/comm', calledAs.startsWith('fail2ban-') ? calledAs : 'f2b');
  } catch {
    // Without a writable /proc the name stays as it is.
  }
}

/** `f2b status | head -1` closes our output early: that is no failure of ours. */
function leaveWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** The exit code for what was thrown, after saying it. Our own bugs keep their stack. */
function report(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) {
      io.stderr(`f2b: ${formatProblem(problem)}\n`);
      if (problem.hint !== null) io.stderr(hintLine(problem.hint));
    }
    return 2;
  }
  if (error instanceof UsageError) {
    io.stderr(`f2b: ${error.message}\n`);
    if (error.hint !== null) io.stderr(hintLine(error.hint));
    return 2;
  }
  if (error instanceof MachineError) {
    io.stderr(`f2b: ${error.message}\n`);
    return 1;
  }
  io.stderr(`f2b: this is a bug: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** A hint of two lines has a caret in the second, which must stay below what it points at. */
function hintLine(hint: string): string {
  const start = 'f2b: hint: ';
  return `${start}${hint.replaceAll('\n', `\n${' '.repeat(start.length)}`)}\n`;
}

/** Output may be a pipe, which is written asynchronously: leave only when it is out. fail2ban-regex ends with 2 for its options, else with 255. */
function finish(ended: number): void {
  const code = ended !== 0 && isParsed && calledAs === 'fail2ban-regex' ? 255 : ended;
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
