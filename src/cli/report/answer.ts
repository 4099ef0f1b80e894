import { parseDuration } from '../../base/duration.ts';
import { UsageError } from '../../base/errors.ts';
import { clean } from '../../base/visible.ts';
import { showProgress } from '../backtest/progress.ts';
import { openLogFile, readLog } from '../backtest/readlog.ts';
import type { Call } from '../command.ts';
import { readOnlyState } from '../context.ts';
import { type BanEvent, eachBan } from './banlines.ts';
import { BanTally, type Rankings } from './tally.ts';

/** Rows of a ranking. */
const TOP = 10;
/** Columns of a name, and of a bar. */
const [NAME, BAR] = [43, 24];

/** Runs `f2b report`; answers its exit code. */
export async function runReport(call: Call): Promise<number> {
  const { io, global, options } = call;
  const top = topOf(options['top']);
  const since = sinceOf(call);
  if (options['csv'] === true && global.json) throw new UsageError('--csv and --json exclude each other');
  const tally = new BanTally();
  const add = (ban: BanEvent): void => {
    if (ban.time >= since) tally.add(ban);
  };
  if (call.words.length === 0) for (const ban of bansInState(call)) add(ban);
  else await readLogs(call.words, add);
  const { bans, from, to } = tally;
  const rankings = tally.rankings();
  if (global.json) io.stdout(`${JSON.stringify({ bans, from, to, rankings })}\n`);
  else if (options['csv'] === true) io.stdout(csvText(rankings));
  else
    io.stdout(
      `bans: ${bans}\n${Object.entries(rankings)
        .map((one) => rankingText(one, top))
        .join('')}`,
    );
  return 0;
}

function topOf(text: string | boolean | undefined): number {
  if (typeof text !== 'string') return TOP;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`--top: cannot read "${text}" as a number from 1`);
  return Number(text);
}

function sinceOf({ options, io }: Call): number {
  const text = options['since'];
  if (typeof text !== 'string') return Number.NEGATIVE_INFINITY;
  const age = parseDuration(text);
  if (age === null || age <= 0)
    throw new UsageError(`--since: cannot read "${text}" as a time`, 'for example 7d');
  return io.now() - age;
}

function bansInState(call: Call): readonly BanEvent[] {
  return [...readOnlyState(call).jails].flatMap(([jail, { bans, past }]) => [
    ...[...bans].map(([id, { at, count }]) => ({ jail, id, time: at, count: Math.max(1, count) })),
    ...[...past].flatMap(([id, { count, last }]) => (bans.has(id) ? [] : [{ jail, id, time: last, count }])),
  ]);
}

async function readLogs(paths: readonly string[], onBan: (ban: BanEvent) => void): Promise<void> {
  const logs = paths.map(openLogFile);
  const progress = showProgress(logs.reduce((sum, { size }) => sum + size, 0));
  try {
    for (const log of logs) for await (const stretch of readLog(log, progress.add)) eachBan(stretch, onBan);
  } finally {
    progress.end();
  }
}

/** A name that a table program would take for a formula gets an apostrophe. */
function csvText(rankings: Rankings): string {
  const quoted = (text: string): string =>
    `"${clean(text)
      .replace(/^[=+@-]/, "'$&")
      .replaceAll('"', '""')}"`;
  const rows = Object.entries(rankings).flatMap(([ranking, all]) =>
    all.map(([name, bans]) => `${quoted(ranking)},${quoted(name)},${bans}\n`),
  );
  return `ranking,name,bans\n${rows.join('')}`;
}

function rankingText([title, all]: readonly [string, Rankings[string]], top: number): string {
  if (!all.some(([, bans]) => bans > 0)) return '';
  const rows = title === 'hours' || title === 'weekdays' ? all : all.slice(0, top);
  const most = Math.max(...rows.map(([, bans]) => bans));
  const lines = rows.map(([name, bans]) => {
    const shown = clean(name);
    const label = shown.length > NAME ? `${shown.slice(0, NAME - 3)}...` : shown;
    return `  ${label.padEnd(NAME)}${String(bans).padStart(9)}  ${'#'.repeat(Math.ceil((bans / most) * BAR))}`;
  });
  const more = all.length > rows.length ? `, ${rows.length} of ${all.length}` : '';
  return `\n${title}${more}:\n${lines.map((line) => `${line.trimEnd()}\n`).join('')}`;
}
