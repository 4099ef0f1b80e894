import type { Subcommand } from '../command.ts';

/** `f2b backtest`: whom a jail would have banned, by old logs. */
export const backtest: Subcommand = {
  name: 'backtest',
  summary: 'tell whom a jail would have banned, by old logs',
  usage: 'JAIL LOG..',
  options: [
    {
      name: 'set',
      value: 'NAME=VALUE',
      isRepeatable: true,
      help: 'compare with maxretry, findtime or bantime',
    },
    {
      name: 'own',
      value: 'NETWORK',
      isRepeatable: true,
      help: 'a ban of an address in NETWORK is a suspect',
    },
    { name: 'all', help: 'list all bans, not only the first twenty' },
  ],
  about: `Reads the logs, also rotated and compressed ones, in the order of their first dates, and bans as the daemon would have done, with the time of each line as
the clock. Nothing is banned and no state is read or changed. With --set it decides a second time, with other settings, and tells what they gain and lose. Suspects
are addresses that may be no attackers: that logged in too (sshd, dovecot, postfix, vsftpd, proftpd), that ignoreip spared, or that are in a network of --own. Names are not looked up, ignorecommand is not run.`,
  examples: [
    ['f2b backtest sshd /var/log/auth.log*', 'the rotated files too'],
    ['f2b backtest sshd --set maxretry=3 --set findtime=1h auth.log', 'compare settings'],
    ['f2b backtest sshd --own 192.0.2.0/24 --json auth.log', 'for programs'],
  ],
  async run(call) {
    const { runBacktest } = await import('./answer.ts');
    return runBacktest(call);
  },
};
