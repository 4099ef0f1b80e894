import { MachineError, UsageError } from '../base/errors.ts';
import { formatNetwork } from '../base/ip.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Jail } from '../config/jail.ts';
import { OPTIONS } from '../config/options.ts';
import { SETTING_NAMES } from '../daemon/control/interpreter.ts';
import { runningPid } from '../state/runlock.ts';
import type { State } from '../state/state.ts';
import type { Call, Subcommand } from './command.ts';
import { configOf, findJail, readOnlyState, statePathOf } from './context.ts';
import { askDaemon, plain } from './set.ts';
import { inColumns } from './wrap.ts';

type Answer = number | string | readonly string[];
type Ask = (jail: Jail, state: State) => Answer;

/** Topics that are printed as f2b reads them, or that are not options; all others are printed as written. */
const TOPICS: ReadonlyMap<string, Ask> = new Map<string, Ask>([
  ['maxretry', (jail) => jail.maxretry],
  ['findtime', (jail) => jail.findtime],
  ['bantime', (jail) => jail.bantime ?? -1],
  ['maxmatches', (jail) => jail.maxmatches],
  ['maxlines', (jail) => jail.filter.maxlines],
  ['usedns', (jail) => jail.usedns],
  ['logencoding', (jail) => jail.logencoding],
  ['datepattern', (jail) => jail.filter.datepattern?.text ?? 'Default Detectors'],
  ['failregex', (jail) => jail.filter.failregex.map(({ text }) => text)],
  ['ignoreregex', (jail) => jail.filter.ignoreregex.map(({ text }) => text)],
  ['prefregex', (jail) => jail.filter.prefregex?.text ?? ''],
  ['logpath', (jail) => jail.logpath.map(({ glob }) => glob)],
  ['journalmatch', (jail) => jail.filter.journalmatch],
  ['ignoreip', (jail) => [...jail.ignore.networks.map(formatNetwork), ...jail.ignore.names]],
  ['ignoreself', (jail) => String(jail.ignore.self)],
  ['actions', (jail) => jail.actions.map(({ name }) => name)],
  ['banip', (jail, state) => [...(state.jails.get(jail.name)?.bans.keys() ?? [])]],
]);

/** `f2b get`: prints one setting of a jail. */
export const get: Subcommand = {
  name: 'get',
  summary: 'show one setting of a jail',
  usage: 'JAIL WHAT | loglevel | logtarget | dbpurgeage',
  options: [],
  about: `WHAT is an option, actions, or banip (the addresses that are banned). The options:
${inColumns(OPTIONS.map(({ name, help }) => [name, help])).join('\n')}`,
  examples: [
    ['f2b get sshd maxretry', ''],
    ['f2b get sshd failregex', 'with every option filled in'],
  ],
  async run(call) {
    const [name, what, ...more] = call.words;
    if (name !== undefined && what === undefined && SETTING_NAMES.includes(name))
      return showSetting(call, name);
    if (name === undefined || what === undefined || more.length > 0) {
      throw new UsageError('get needs a jail and what to show', 'see: f2b help get');
    }
    const config = configOf(call);
    const jail = findJail(config, name);
    const key = what.toLowerCase();
    const option = OPTIONS.find((one) => one.name === key);
    const written = config.allJails.find((one) => one.name === name)?.options.get(key);
    const answer =
      (await liveAnswer(call, name, key)) ??
      TOPICS.get(key)?.(jail, readOnlyState(call)) ??
      (option && (written ?? option.default ?? ''));
    if (answer === undefined) {
      const known = [...OPTIONS.map((one) => one.name), ...TOPICS.keys()];
      throw new UsageError(`cannot show "${what}"`, didYouMean(what, known) ?? 'see: f2b help get');
    }
    call.io.stdout(call.global.json ? `${JSON.stringify(answer)}\n` : printed(answer));
    return 0;
  },
};

/** Topics that may have been set at run time, and that the daemon answers as they are printed here. */
const LIVE = new Set(
  'bantime findtime maxretry maxmatches maxlines usedns ignoreip ignoreself failregex ignoreregex prefregex datepattern'.split(
    ' ',
  ),
);

/** What the running daemon works with; undefined: none runs, or it has no such jail. */
async function liveAnswer(call: Call, name: string, key: string): Promise<Answer | undefined> {
  if (!LIVE.has(key) || runningPid(statePathOf(call.global, call.io)) === null) return undefined;
  const answer = await askDaemon(call, ['get', name, key]).catch(() => null);
  const value = answer === null ? undefined : plain(answer.value);
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return undefined;
  return key === 'datepattern' ? String(value[0] ?? value[1]) : value.map(String);
}

/** A setting of the program, as the running daemon has it. */
async function showSetting(call: Call, name: string): Promise<number> {
  const path = statePathOf(call.global, call.io);
  const answer = await askDaemon(call, ['get', name]);
  if (answer === null) throw new MachineError(`no f2b runs on ${path}, whose ${name} could be shown`);
  const value = plain(answer.value);
  call.io.stdout(call.global.json ? `${JSON.stringify(value)}\n` : `${String(value)}\n`);
  return 0;
}

function printed(answer: Answer): string {
  return typeof answer === 'object' ? answer.map((line) => `${line}\n`).join('') : `${answer}\n`;
}
