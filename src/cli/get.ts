import { UsageError } from '../base/errors.ts';
import { formatNetwork } from '../base/ip.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Jail } from '../config/jail.ts';
import type { State } from '../state/state.ts';
import type { Subcommand } from './command.ts';
import { configOf, findJail, readOnlyState } from './context.ts';

type GetAnswer = number | string | readonly string[];

/** What can be asked of a jail. */
const TOPICS: ReadonlyMap<string, (jail: Jail, state: State) => GetAnswer> = new Map<
  string,
  (jail: Jail, state: State) => GetAnswer
>([
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
  ['logpath', (jail) => jail.logpath.map(({ glob }) => glob)],
  ['journalmatch', (jail) => (jail.journalmatch.length > 0 ? jail.journalmatch : jail.filter.journalmatch)],
  ['ignoreip', (jail) => [...jail.ignore.networks.map(formatNetwork), ...jail.ignore.names]],
  ['ignoreself', (jail) => String(jail.ignore.self)],
  ['actions', (jail) => jail.actions.map(({ name }) => name)],
  ['banip', (jail, state) => [...(state.jails.get(jail.name)?.bans.keys() ?? [])]],
]);

/** `f2b get`: one setting of a jail. */
export const get: Subcommand = {
  name: 'get',
  summary: 'show one setting of a jail',
  usage: 'JAIL WHAT',
  options: [],
  about: `WHAT is one of ${[...TOPICS.keys()].slice(0, 8).join(', ')},\n${[...TOPICS.keys()].slice(8).join(', ')}.`,
  examples: [
    ['f2b get sshd maxretry', ''],
    ['f2b get sshd failregex', 'with every option filled in'],
  ],
  async run(call) {
    const [name, what, ...more] = call.words;
    if (name === undefined || what === undefined || more.length > 0) {
      throw new UsageError('get needs a jail and what to show', 'see: f2b help get');
    }
    const jail = findJail(configOf(call), name);
    const topic = TOPICS.get(what.toLowerCase());
    if (topic === undefined)
      throw new UsageError(`cannot show "${what}"`, didYouMean(what, TOPICS.keys()) ?? 'see: f2b help get');
    const answer = topic(jail, readOnlyState(call));
    call.io.stdout(call.global.json ? `${JSON.stringify(answer)}\n` : printed(answer));
    return 0;
  },
};

function printed(answer: GetAnswer): string {
  return typeof answer === 'object' ? answer.map((line) => `${line}\n`).join('') : `${answer}\n`;
}
