import type { Subcommand } from '../command.ts';

/** `f2b report`: rankings of bans. */
export const report: Subcommand = {
  name: 'report',
  summary: 'rank the bans by address, network, jail and hour',
  usage: '[LOG..]',
  options: [
    { name: 'since', value: 'AGE', help: 'only bans of the last AGE, for example 7d' },
    { name: 'top', value: 'N', help: 'rows of each ranking (10)' },
    { name: 'csv', help: 'print all rows as CSV: ranking,name,bans' },
  ],
  about: `Counts the bans in logs of f2b and fail2ban, also rotated and compressed ones: addresses, networks (/16, /24, /48), jails, hours and weekdays, and addresses that were
banned more than once. Without logs it counts the bans that the state remembers; there the times of earlier bans of an address are not known.`,
  examples: [
    ['f2b report', 'what the state remembers'],
    ['f2b report --since 7d /var/log/fail2ban.log*', 'a week of logs'],
    ['f2b report --json /var/log/f2b.log', 'for programs'],
  ],
  async run(call) {
    const { runReport } = await import('./answer.ts');
    return runReport(call);
  },
};
