import { writeFileSync } from 'node:fs';
import { programVersion } from '../../base/embedded.ts';
import { MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { Call, Subcommand } from '../command.ts';
import { readOnlyState } from '../context.ts';
import { writeDatabase } from './database.ts';
import { type ExportedBan, FORMATS, isFormat, printBans } from './formats.ts';

const NAMES = [...Object.keys(FORMATS), 'fail2ban'];

/** `f2b export`: prints the bans for other programs. */
export const exportBans: Subcommand = {
  name: 'export',
  summary: 'print the standing bans for other programs',
  usage: '[JAIL..] [--format FORMAT] [--out FILE]',
  options: [
    { name: 'format', short: 'f', value: 'FORMAT', help: `${NAMES.join(', ')} (json)` },
    {
      name: 'out',
      short: 'o',
      value: 'FILE',
      help: 'write to FILE instead of standard output; for fail2ban its database',
    },
  ],
  about: `json and csv tell everything, and f2b import reads them. plain is one address a line; nft and ipset are what "nft -f" and "ipset
restore" read, with the time that is left of each ban. fail2ban writes into its database, which is made if there is none: stop fail2ban before, and
it restores the bans at its start.`,
  examples: [
    ['f2b export > bans.json', 'everything'],
    ['f2b export --format csv sshd', 'one jail, as a table'],
    ['f2b export --format ipset | ipset restore -exist', 'into sets named f2b-export-4 and -6'],
    ['f2b export --format fail2ban -o fail2ban.sqlite3', 'back to fail2ban'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    const name = typeof options['format'] === 'string' ? options['format'] : 'json';
    const format = name === 'fail2ban' || isFormat(name) ? name : null;
    if (format === null)
      throw new UsageError(
        `there is no format "${name}"`,
        didYouMean(name, NAMES) ?? `write ${NAMES.join(', ')}`,
      );
    const bans = bansOf(call, words);
    const out = typeof options['out'] === 'string' ? options['out'] : null;
    if (format === 'fail2ban') {
      if (out === null) throw new UsageError("fail2ban's database needs a file", 'say --out FILE');
      if (!global.dryRun) writeDatabase(out, bans);
      io.stderr(`f2b: bans: ${bans.length}, ${global.dryRun ? 'would be written' : 'written'} to ${out}\n`);
      return 0;
    }
    const text = printBans(format, bans, { version: programVersion(), now: io.now() });
    if (out === null) io.stdout(text);
    else if (!global.dryRun) writeTo(out, text);
    return 0;
  },
};

function bansOf(call: Call, only: readonly string[]): readonly ExportedBan[] {
  const state = readOnlyState(call);
  const unknown = only.find((name) => !state.jails.has(name));
  if (unknown !== undefined)
    throw new UsageError(
      `no jail "${unknown}" is in the state`,
      didYouMean(unknown, [...state.jails.keys()]),
    );
  const now = call.io.now();
  return [...state.jails]
    .filter(([jail]) => only.length === 0 || only.includes(jail))
    .flatMap(([jail, { bans }]) =>
      [...bans]
        .filter(([, { until }]) => until === null || until > now)
        .map(([id, { at, until, count, failures, matches }]) => ({
          jail,
          id,
          at,
          until,
          count,
          failures,
          matches,
        })),
    );
}

function writeTo(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw new MachineError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}
