import { canonicalNetwork } from '../base/ip.ts';
import type { Subcommand } from './command.ts';
import { readOnlyState } from './context.ts';

/** `f2b banned`: lists all bans in the format of fail2ban-client. */
export const banned: Subcommand = {
  name: 'banned',
  summary: 'list who is banned in which jail',
  usage: '[IP..]',
  options: [],
  about: 'Without an address: every jail with its bans. With addresses: for each the jails that ban it.',
  examples: [
    ['f2b banned', 'everything'],
    ['f2b banned 192.0.2.7', 'the jails that ban this address'],
  ],
  async run(call) {
    const state = readOnlyState(call);
    const now = call.io.now();
    const jails = [...state.jails].map(([name, { bans }]) => {
      const standing = [...bans].filter(([, { until }]) => until === null || until > now);
      return [name, standing.map(([id]) => id)] as const;
    });
    const answer =
      call.words.length === 0
        ? jails.map(([name, ids]) => ({ [name]: ids }))
        : call.words.map((word) =>
            jails.filter(([, ids]) => ids.includes(canonicalNetwork(word) ?? word)).map(([name]) => name),
          );
    call.io.stdout(`${call.global.json ? JSON.stringify(answer) : pythonText(answer)}\n`);
    return 0;
  },
};

/** The list format of fail2ban-client, which scripts read. */
function pythonText(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll("'", "\\'")
    .replaceAll('"', "'")
    .replaceAll(',', ', ')
    .replaceAll(':[', ': [');
}
