import { MachineError, UsageError } from '../base/errors.ts';
import type { PyValue } from '../base/pickle.ts';
import { runtimePaths } from '../state/runtime.ts';
import { ask } from './client/ask.ts';
import { printAnswer, printFault } from './client/print.ts';
import type { Call, Subcommand } from './command.ts';
import { statePathOf } from './context.ts';

/** What the daemon on this state answers; null: none does. Throws UsageError with its words when it refuses. */
export async function askDaemon({ global, io }: Pick<Call, 'global' | 'io'>, words: readonly PyValue[]) {
  for (const path of runtimePaths(statePathOf(global, io), 'sock')) {
    const reply = await ask(path, words);
    if (reply.kind === 'fault') throw new UsageError(printFault(reply.fault));
    if (reply.kind === 'value') return { value: reply.value };
  }
  return null;
}

/** Sends words to the daemon and prints the answer as fail2ban-client does. */
async function send(call: Call, words: readonly string[]): Promise<number> {
  const answer = await askDaemon(call, words);
  if (answer === null) {
    const hint = 'what is to last stands in the configuration: jail.local, for all that f2b help get names';
    throw new MachineError(`no f2b runs on ${statePathOf(call.global, call.io)}; ${hint}`);
  }
  const { value } = answer;
  call.io.stdout(call.global.json ? `${JSON.stringify(plain(value))}\n` : `${printAnswer(words, value)}\n`);
  return 0;
}

/** `f2b set`: changes a setting of the running daemon. */
export const set: Subcommand = {
  name: 'set',
  summary: 'change a setting of the running daemon until its next reload',
  usage: 'JAIL WHAT VALUE.. | loglevel LEVEL | logtarget FILE',
  options: [],
  about: `WHAT is bantime, findtime, maxretry, maxmatches, maxlines, usedns, ignoreself, ignorecache, datepattern, logencoding,
logtimezone, prefregex, idle (on, off), bantime.increment and its like; addX and delX with X = ignoreip, logpath,
journalmatch, failregex, ignoreregex; attempt, banip, unbanip. Commands of actions and ignorecommand are never set so.
What is set is seen by f2b get, and lasts until the daemon reloads or ends.`,
  examples: [
    ['f2b set sshd bantime 2h', ''],
    ['f2b set sshd addignoreip 192.0.2.7', ''],
    ['f2b set loglevel debug', ''],
  ],
  run: (call) => send(call, ['set', ...call.words]),
};

/** fail2ban's words that f2b has no command of its own for. */
export const SENT: readonly string[] = [
  'add',
  'echo',
  'flushlogs',
  'stat',
  'stats',
  'statistic',
  'statistics',
];

/** A command of such a word. */
export function sent(name: string): Subcommand {
  const about = 'A word of fail2ban-client, for the running daemon.';
  const run = (call: Call): Promise<number> => send(call, [name, ...call.words]);
  return { name, summary: 'as fail2ban-client has it', usage: '', options: [], about, examples: [], run };
}

/** The value as JSON has it. */
export function plain(value: PyValue): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [String(key), plain(one)]));
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'object' && value !== null && 'tuple' in value ? value.tuple.map(plain) : value;
}
