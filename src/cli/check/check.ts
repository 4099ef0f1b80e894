import { type Problem, UsageError } from '../../base/errors.ts';
import { loadConfig } from '../../config/config.ts';
import { dumpConfig } from '../../config/dump.ts';
import { readsJournalInstead } from '../../source/journal/journal.ts';
import type { Subcommand } from '../command.ts';
import { findJail, servicesText, treeOf } from '../context.ts';
import { examine } from './examine.ts';
import { printReport } from './print.ts';

/** `f2b check`: shows what the configuration does, and all its mistakes. */
export const check: Subcommand = {
  name: 'check',
  summary: 'test the configuration and say what it amounts to',
  usage: '[JAIL..] [--all] [--dump]',
  options: [
    { name: 'all', short: 'a', help: 'check disabled jails too, as if they were enabled' },
    { name: 'dump', help: 'print the resolved configuration as JSON' },
  ],
  about: `Prints a line for every enabled jail, then what is wrong with file and line, then warnings: logs that are missing,
firewalls without their programs, patterns through which an attacker could have another address banned (with the line that does
it) or that can take very long; then notes on what has no effect here. A jail that is named is checked also where it is
disabled. Changes nothing. Exit code 2 when there are errors; warnings alone are no error.`,
  examples: [
    ['f2b check', 'before a start or a reload'],
    ['f2b check sshd', 'one jail'],
    ['f2b --config /etc/fail2ban check --all', "all of fail2ban's jails"],
    ['f2b check --dump', 'every option as it was resolved'],
  ],
  async run(call) {
    const { words, options: asked, global, io } = call;
    const isAll = asked['all'] === true;
    const tree = treeOf(call);
    const options = { services: servicesText(), usesJournal: readsJournalInstead };
    const plain = loadConfig(tree, options);
    for (const name of words) if (!plain.allJails.some((one) => one.name === name)) findJail(plain, name);
    const enabled = new Set(plain.allJails.filter(({ isEnabled }) => isEnabled).map(({ name }) => name));
    const force = isAll || words.some((name) => !enabled.has(name));
    const config = force ? loadConfig(tree, { ...options, force }) : plain;
    if (asked['dump'] === true) {
      if (words.length > 0) throw new UsageError('--dump prints all jails');
      io.stdout(`${dumpConfig(config)}\n`);
      return hasErrors(config.problems) ? 2 : 0;
    }
    const report = await examine(call, config, { only: words, enabled });
    io.stdout(global.json ? `${JSON.stringify(report)}\n` : printReport(report));
    return hasErrors(report.problems) ? 2 : 0;
  },
};

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}
