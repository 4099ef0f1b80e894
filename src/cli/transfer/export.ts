import { writeFileSync } from 'node:fs';
import { programVersion } from '../../base/embedded.ts';
import { MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { JailState } from '../../state/state.ts';
import type { Call, Subcommand } from '../command.ts';
import { readOnlyState } from '../context.ts';
import { writeDatabase } from './database.ts';
import { type ExportedBan, FORMATS, isFormat, printBans } from './formats.ts';

const NAMES = [...Object.keys(FORMATS), 'fail2ban'];

/** `f2b export`: prints the bans for other programs. */
export const exportBans: Subcommand = {
  name: 'export',
  summary: 'print the standing bans for other programs',
  usage: '[JAIL..] [--format FORMAT] [--out FILE] [--replace]',
  options: [
    { name: 'format', short: 'f', value: 'FORMAT', help: `${NAMES.join(', ')} (json)` },
    {
      name: 'out',
      short: 'o',
      value: 'FILE',
      help: 'write to FILE instead of standard output; for fail2ban its database',
    },
    { name: 'replace', help: 'with fail2ban: bans of these jails that f2b does not hold end' },
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
    const jails = jailsOf(call, words);
    const bans = bansOf(jails, io.now());
    const out = typeof options['out'] === 'string' ? options['out'] : null;
    if (format === 'fail2ban') {
      if (out === null) throw new UsageError("fail2ban's database needs a file", 'say --out FILE');
      const replaced = { jails: jails.map(([jail]) => jail), now: io.now() };
      if (!global.dryRun) writeDatabase(out, bans, options['replace'] === true ? replaced : undefined);
      io.stderr(`f2b: bans: ${bans.length}, ${global.dryRun ? 'would be written' : 'written'} to ${out}\n`);
      return 0;
    }
    const text = printBans(format, bans, { version: programVersion(), now: io.now() });
    if (out === null) io.stdout(text);
    else if (!global.dryRun) writeTo(out, text);
    return 0;
  },
};

type Jails = readonly (readonly [string, JailState])[];

function jailsOf(call: Call, only: readonly string[]): Jails {
  const state = readOnlyState(call);
  const unknown = only.find((name) => !state.jails.has(name));
  if (unknown !== undefined)
    throw new UsageError(
      `no jail "${unknown}" is in the state`,
      didYouMean(unknown, [...state.jails.keys()]),
    );
  return [...state.jails].filter(([jail]) => only.length === 0 || only.includes(jail));
}

function bansOf(jails: Jails, now: number): readonly ExportedBan[] {
  return jails.flatMap(([jail, { bans }]) =>
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
