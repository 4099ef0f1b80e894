/**
 * Every kind of log source, one row each: which jails it serves, how it opens, how its positions are read. A further kind is
 * a folder beside logfile/ and journal/, with a LineSource in it, and a row here.
 */
import type { Jail } from '../config/jail.ts';
import { openJournals, readJournalPosition, readsJournal } from './journal/journal.ts';
import { readFilePosition } from './logfile/position.ts';
import { LogFiles, logsOf } from './logfiles.ts';
import { isRecord, type Position, type ReadingJail, type SourceGroup, type SourceOptions } from './source.ts';

type SourceKind = {
  /** As its positions name it. */
  readonly kind: string;
  readonly serves: (jail: Jail, say: SourceOptions['say']) => boolean;
  /** Also called for no jails: positions of log files that no jail reads now are kept. */
  readonly open: (jails: readonly ReadingJail[], options: SourceOptions) => readonly SourceGroup[];
  /** Null when it is no position of this kind. */
  readonly readPosition: (json: unknown) => Position | null;
};

/** A jail is served by the last of them that would. */
const KINDS: readonly SourceKind[] = [
  {
    kind: 'file',
    serves: ({ logpath }) => logpath.length > 0,
    open: (jails, options) => [new LogFiles(jails.map(logsOf), options)],
    readPosition: readFilePosition,
  },
  { kind: 'journal', serves: readsJournal, open: openJournals, readPosition: readJournalPosition },
];

/** Opens what the jails read. */
export function openSources(jails: readonly ReadingJail[], options: SourceOptions): readonly SourceGroup[] {
  const served = Map.groupBy(jails, ({ jail }) => KINDS.findLast((one) => one.serves(jail, options.say)));
  return KINDS.flatMap((one) => one.open(served.get(one) ?? [], options));
}

/** Reads a saved position out of parsed JSON; null when it is none. One of a kind that is not known here stays as it is. */
export function readPosition(json: unknown): Position | null {
  if (!isRecord(json) || typeof json['kind'] !== 'string') return null;
  const { kind } = json;
  const known = KINDS.find((one) => one.kind === kind);
  return known === undefined ? { ...json, kind } : known.readPosition(json);
}
