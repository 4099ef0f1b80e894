import { canonicalNetwork } from '../base/ip.ts';
import { formatSecond } from '../base/log.ts';
import { clean } from '../base/visible.ts';
import type { State } from '../state/state.ts';
import { pythonText } from './client/print.ts';
import type { Subcommand } from './command.ts';
import { readOnlyState } from './context.ts';

/** `f2b banned`: lists all bans. */
export const banned: Subcommand = {
  name: 'banned',
  summary: 'list who is banned in which jail',
  usage: '[IP..]',
  options: [],
  about: `On a terminal a line for every ban, with its end. With addresses: the bans of these only. Into a pipe or a file it prints what
fail2ban-client banned prints, which scripts read: jails with their addresses, or for each address the jails that ban it; --json prints
that as JSON.`,
  examples: [
    ['f2b banned', 'everything'],
    ['f2b banned 192.0.2.7', 'the jails that ban this address'],
  ],
  async run({ words, global, io }) {
    const rows = standing(readOnlyState({ global, io }), io.now());
    if (global.json) io.stdout(`${json(rows, words)}\n`);
    else if (io.isTerminal === true) io.stdout(table(rows, words));
    else io.stdout(`${pythonList(rows, words)}\n`);
    return 0;
  },
};

type Row = { readonly jail: string; readonly bans: ReadonlyMap<string, number | null> };

function standing(state: State, now: number): readonly Row[] {
  return [...state.jails].map(([jail, { bans }]) => {
    const left = [...bans].filter(([, { until }]) => until === null || until > now);
    return { jail, bans: new Map(left.map(([id, { until }]) => [id, until])) };
  });
}

const idOf = (word: string): string => canonicalNetwork(word) ?? word;

/** For each address the jails that ban it. */
function jailsOf(rows: readonly Row[], words: readonly string[]): readonly (readonly string[])[] {
  return words.map((word) => rows.filter(({ bans }) => bans.has(idOf(word))).map(({ jail }) => jail));
}

/** The answer of fail2ban-client. */
function pythonList(rows: readonly Row[], words: readonly string[]): string {
  if (words.length > 0) return pythonText(jailsOf(rows, words));
  return pythonText(rows.map(({ jail, bans }) => new Map([[jail, [...bans.keys()]]])));
}

/** The same as JSON. */
function json(rows: readonly Row[], words: readonly string[]): string {
  const all =
    words.length > 0 ? jailsOf(rows, words) : rows.map(({ jail, bans }) => ({ [jail]: [...bans.keys()] }));
  return JSON.stringify(all);
}

/** The answer for people. */
function table(rows: readonly Row[], words: readonly string[]): string {
  const wanted = words.map(idOf);
  const lines = rows.flatMap(({ jail, bans }) =>
    [...bans]
      .filter(([id]) => wanted.length === 0 || wanted.includes(id))
      .map(([id, until]) => [jail, clean(id), until === null ? 'for ever' : formatSecond(until)] as const),
  );
  if (lines.length === 0)
    return wanted.length === 0 ? 'No bans\n' : `Not banned: ${words.map(clean).join(', ')}\n`;
  const all = [['jail', 'address', 'until'] as const, ...lines];
  const widths = [0, 1].map((at) => Math.max(...all.map((line) => (line[at] ?? '').length)));
  const missing = words.filter((word) => !lines.some(([, id]) => id === idOf(word)));
  const rest = missing.length === 0 ? '' : `Not banned: ${missing.map(clean).join(', ')}\n`;
  return `${all.map(([jail, id, end]) => `${jail.padEnd(widths[0] ?? 0)}  ${id.padEnd(widths[1] ?? 0)}  ${end}\n`).join('')}${rest}`;
}
