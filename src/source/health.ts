import { formatDuration } from '../base/duration.ts';
import { clean } from '../base/visible.ts';
import type { SourceStatus } from './source.ts';
import { STUCK, stuckText } from './status.ts';

/**
 * A regex that took too long on lines of a source. `regex` is the failregex's number from 0, null = date, prefregex or
 * ignoreregex; `text` the pattern; `last` and `line` tell of the last of those lines, in epoch seconds.
 */
export type StuckHealth = {
  readonly regex: number | null;
  readonly text: string;
  /** In quarantine: it is not used on lines of at least so many characters; null: not in quarantine. */
  readonly from: number | null;
  /** Lines on which it was interrupted. */
  readonly strikes: number;
  /** Lines on which it was not tried because of the quarantine. */
  readonly skipped: number;
  readonly line: string;
  readonly last: number;
};

/** What one jail has made of a source's lines; samples are single lines picked out of the stream. Epoch seconds. */
export type JailHealth = {
  lastMatch: number | null;
  sampled: number;
  /** Samples in which a date was found. */
  dated: number;
  /** Samples that the prefregex matched; null when there is none. */
  prefixed: number | null;
  /** Regexes that were stuck since the start or the last reload. */
  readonly stuck: readonly StuckHealth[];
};

/** Of a source whose lines a jail has not seen yet. */
export const UNSEEN: JailHealth = { lastMatch: null, sampled: 0, dated: 0, prefixed: null, stuck: [] };

/** How a log source fares; saved with the state so that `status --sources` can tell. Times are epoch seconds. */
export type SourceHealth = Omit<SourceStatus, 'live' | 'state'> & {
  readonly state: string;
  readonly jails: Readonly<Record<string, JailHealth>>;
};

/** A source that was never silent for this long before is suspicious after it, in seconds. */
const SILENCE = 86400;
/** Fewer samples than this say nothing about a format. */
const ENOUGH = 200;
/** Waiting bytes from which on a source is said to lag. */
const LAG = 64 * 1024 * 1024;

/** What is suspicious about a source as of `now`: reasons why its jails may see nothing. */
export function alarmsOf(name: string, source: SourceHealth, now: number): readonly string[] {
  const alarms: string[] = [];
  if (source.trouble !== null) alarms.push(`${name}: ${source.trouble}`);
  const since = source.lastLine ?? source.openedAt;
  if (source.state === 'reading' && now - since > SILENCE) {
    alarms.push(`${name}: no line for ${formatDuration(now - since)}`);
  }
  const { lag, waitingSince } = source;
  if (lag !== null && waitingSince !== null && now - waitingSince > STUCK) {
    alarms.push(`${name}: ${stuckText(lag, now - waitingSince)}`);
  } else if (lag !== null && lag > LAG) alarms.push(`${name}: ${lag} bytes wait to be read`);
  if (source.lostFiles > 0)
    alarms.push(`${name}: the unread rest of ${source.lostFiles} rotated files was not found`);
  for (const [jail, { sampled, dated, prefixed, stuck }] of Object.entries(source.jails)) {
    for (const one of stuck) if (one.from !== null) alarms.push(`${name}: [${jail}] ${printStuck(one)}`);
    if (sampled < ENOUGH) continue;
    if (dated === 0)
      alarms.push(`${name}: [${jail}] none of ${sampled} sampled lines has a date: did the format change?`);
    if (prefixed === 0)
      alarms.push(
        `${name}: [${jail}] prefregex matched none of ${sampled} sampled lines: did the format change?`,
      );
  }
  return alarms;
}

/** One stuck regex in words. */
export function printStuck({ regex, from, strikes, skipped }: StuckHealth): string {
  const what = regex === null ? 'date, prefregex or ignoreregex' : `failregex ${regex + 1}`;
  const lines = `too slow on ${strikes} line${strikes === 1 ? '' : 's'}`;
  if (from === null) return `${what}: ${lines}`;
  return `${what}: ${lines}, in quarantine for lines of ${from} characters and more (${skipped} skipped)`;
}

/** A source as `status --sources` prints it. `clock` prints epoch seconds as local time. */
export function printSource(name: string, source: SourceHealth, clock: (seconds: number) => string): string {
  const when = (seconds: number | null): string => (seconds === null ? 'none yet' : clock(seconds));
  const jails = Object.entries(source.jails);
  const matches = jails.map(([jail, { lastMatch }]) => `${jail} (last match: ${when(lastMatch)})`);
  return [
    `Source: ${clean(name)}`,
    `|- State:\t${source.state}${source.trouble === null ? '' : clean(`: ${source.trouble}`)}`,
    `|- Last line:\t${when(source.lastLine)}`,
    `|- Waiting:\t${source.lag === null ? 'unknown' : `${source.lag} bytes`}`,
    `|- Rotations:\t${source.rotations} by renaming, ${source.truncations} in place, ${source.lostFiles} lost`,
    `|- Errors:\t${source.errors}, ${source.cutLines} lines cut, ${source.skippedBytes} bytes skipped`,
    `\`- Jails:\t${matches.join(', ')}`,
    '',
  ].join('\n');
}

/** The health of now, with what an earlier run knew where this one has not seen anything yet. */
export function withEarlier(now: SourceHealth, earlier: SourceHealth | undefined): SourceHealth {
  if (earlier === undefined) return now;
  const jails = Object.entries(now.jails).map(([jail, health]): [string, JailHealth] => [
    jail,
    { ...health, lastMatch: health.lastMatch ?? earlier.jails[jail]?.lastMatch ?? null },
  ]);
  return { ...now, lastLine: now.lastLine ?? earlier.lastLine, jails: Object.fromEntries(jails) };
}
