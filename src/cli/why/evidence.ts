import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { RunningJail } from '../../ban/jail.ts';
import { contains, formatIp4, parseNetwork } from '../../base/ip.ts';
import { Engine } from '../../filter/engine.ts';
import { newFilterState } from '../../filter/line.ts';
import { pathsOf } from '../../source/logfile/glob.ts';
import { isCompressed, listSiblings } from '../../source/logfile/siblings.ts';
import { openInput } from '../regex/lines.ts';

/** A line that counted against the address. */
export type Evidence = {
  /** Epoch seconds. */
  readonly time: number | null;
  readonly source: string;
  /** Number of the failregex, from 1. */
  readonly regex: number;
  readonly line: string;
};

/** So much of the end of each log is read, in bytes, and of the journal so many seconds before now. */
const TAIL = 32 * 1024 * 1024;
const PIECE = 1024 * 1024;
const JOURNAL_SECONDS = 86_400;
const EVER = Number.POSITIVE_INFINITY;

/** What evidence is looked for. */
export type Search = {
  /** Canonical address or network. */
  readonly id: string;
  /** Epoch seconds. */
  readonly now: number;
  readonly stdin: Readable;
  /** So many of the last lines are kept. */
  readonly most: number;
};

/** The last lines of the jail's logs that are failures of the address, oldest first. Logs that cannot be read are left out. */
export async function evidenceFor(
  { jail, filter }: RunningJail,
  search: Search,
): Promise<readonly Evidence[]> {
  if (filter === null) return [];
  const found: Evidence[] = [];
  const network = parseNetwork(search.id);
  const isAsked = (id: string): boolean => id === search.id || (network !== null && contains(network, id));
  const engine = new Engine(
    [{ jail: jail.name, filter, state: newFilterState(filter), findtime: EVER, keepsFields: true }],
    () => undefined,
  );
  const take = (source: string, bytes: Buffer, times: readonly number[] | null): void => {
    const batch = { bytes, start: 0, end: bytes.length, times, live: false };
    for (const { outcome, ip, time } of engine.run(batch, search.now)) {
      const failures = outcome?.failures ?? [
        { id: formatIp4(ip), time, regex: -1, matches: [] as readonly string[] },
      ];
      for (const one of failures) {
        if (!isAsked(one.id)) continue;
        found.push({ time: one.time, source, regex: one.regex + 1, line: one.matches.at(-1) ?? '' });
        if (found.length > search.most) found.shift();
      }
    }
  };
  if (jail.backend === 'systemd') await readJournal(jail.filter.journalmatch, search, take);
  else for (const path of logsOf(jail)) readTail(path, (bytes) => take(path, bytes, null));
  return found;
}

type Take = (source: string, bytes: Buffer, times: readonly number[] | null) => void;

async function readJournal(matches: readonly string[], search: Search, take: Take): Promise<void> {
  const since = search.now - JOURNAL_SECONDS;
  const options = { encoding: null, journalmatch: matches, maxlines: 1, stdin: search.stdin, since };
  for await (const lines of openInput('systemd-journal', options).batches) {
    const bytes = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
    take(
      'journal',
      bytes,
      lines.map(({ time }) => time ?? search.now),
    );
  }
}

/** The jail's logs and, before each, the one that rotation took last. */
function logsOf(jail: RunningJail['jail']): readonly string[] {
  const paths = [...new Set(jail.logpath.flatMap(({ glob }) => pathsOf(glob).paths))];
  return paths.flatMap((path) => {
    const earlier = listSiblings(path, 'rotated')
      .filter((one) => one.rotated && one.trusted && !isCompressed(one.path))
      .sort((a, b) => b.written - a.written);
    return [...earlier.slice(0, 1).map((one) => one.path), path];
  });
}

/** Whole lines of the end of a file, in pieces. */
function readTail(path: string, take: (bytes: Buffer) => void): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(fd);
    let at = Math.max(0, size - TAIL);
    let rest: Buffer = Buffer.alloc(0);
    let isCut = at > 0;
    for (;;) {
      const piece = Buffer.alloc(PIECE);
      const length = readSync(fd, piece, 0, PIECE, at);
      if (length === 0) break;
      at += length;
      const bytes = Buffer.concat([rest, piece.subarray(0, length)]);
      const end = bytes.lastIndexOf(10) + 1;
      const begin = isCut ? bytes.indexOf(10) + 1 : 0;
      isCut = false;
      if (end > begin) take(bytes.subarray(begin, end));
      rest = bytes.subarray(end);
    }
  } catch {
    // A log that cannot be read tells nothing; status --sources says why.
  } finally {
    closeSync(fd);
  }
}
