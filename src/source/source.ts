/**
 * The contract of every log source: an endless source of lines that is pulled, in batches of whole lines as bytes, and
 * that can say at any time where it stands.
 *
 * "Exactly once" rests on it: position() describes the state after everything that read() handed out. Save it together
 * with the counts made from those lines, open the source again with it, and no line comes twice and none is missing:
 *
 *     for (let batch = source.read(65536); batch !== null; batch = source.read(65536)) count(batch);
 *     save(counts, source.position());
 */
import type { Jail } from '../config/jail.ts';

/** The longest line that is handed out, in bytes without its newline; the rest of a longer one is skipped. */
export const LINE_CAP = 65536;

/**
 * Whole lines, `bytes[start..end)`, each ended by one `\n` (a CR before it and NULs at a line's start are
 * already removed). UTF-8, or the file's raw bytes where its encoding is `auto`, `utf-8` or `ascii`.
 * The bytes are lent: the next read() of any source overwrites them. A batch may be empty (start = end):
 * work was done, call again.
 */
export type Batch = {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Epoch seconds of each line, in order, where the source knows them (the journal); null: look in the line(s). */
  readonly times: readonly (number | null)[] | null;
  /** False while what stood in the log before it was opened is caught up with. */
  readonly live: boolean;
  /** Epoch seconds after which its lines were written; left out where that is not known. */
  readonly writtenSince?: number;
};

/** What is saved of a source: plain JSON, whose inside belongs to the source. `kind` names what kind of source that is. */
export type Position = { readonly kind: string };

/** How a source fares: `waiting` for something to appear, `refused` what it found, or reading. */
export type SourceState = 'reading' | 'waiting' | 'refused';

/** What is counted of a source since it was opened. */
export type SourceCounts = {
  /** Bytes handed out. */
  bytes: number;
  errors: number;
  /** Lines of which only the beginning was handed out (too long, or never finished). */
  cutLines: number;
  /** Bytes passed over: rests of cut lines, NUL runs. */
  skippedBytes: number;
  /** Times the file was replaced by another (rotation by renaming). */
  rotations: number;
  /** Times the file was emptied in place (copytruncate). */
  truncations: number;
  /** Files whose unread rest could not be found again. */
  lostFiles: number;
};

/** A source's health, for `status --sources` and the alarms. Times are epoch seconds. */
export type SourceStatus = Readonly<SourceCounts> & {
  readonly state: SourceState;
  /** Why it waits, was refused or met an error last; null when all is well. */
  readonly trouble: string | null;
  readonly openedAt: number;
  /** When a line was last handed out; null: none yet. */
  readonly lastLine: number | null;
  /** Bytes known to wait; null where that cannot be known (the journal). */
  readonly lag: number | null;
  /** Since when bytes wait of which none was read; null: all is read, or reading goes on. */
  readonly waitingSince: number | null;
  /** Whether the end of what stood there at the opening was reached. */
  readonly live: boolean;
};

/** How a source tells people something; the caller adds time, channel and jail. */
export type Say = (level: 'info' | 'warning' | 'error', text: string) => void;

/** One endless source of lines. */
export interface LineSource {
  /** The path, or `journal` and its matches. */
  readonly name: string;
  /**
   * The next whole lines, at most about `maxBytes` (and LINE_CAP) of them; null: nothing now, onReady will be
   * called. Never throws for what the log does; troubles are said and stand in the status.
   */
  read(maxBytes: number): Batch | null;
  /** Where the source stands after everything that read() handed out. */
  position(): Position | null;
  status(): SourceStatus;
  close(): void;
}

/** Reads a line's date: epoch seconds, or null when it has none. The line comes as latin1, without its end. */
export type DateOf = (line: string) => number | null;

/** A jail that reads logs. Lines from before `since` (epoch seconds: now - findtime) do not matter to it. */
export type ReadingJail = { readonly jail: Jail; readonly since: number; readonly dateOf: DateOf };

/** How sources are opened. */
export type SourceOptions = {
  /** As SourceGroup.positions() gave them. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly pollMs: number;
  /** Read what is there and end there, in place of following. */
  readonly once?: boolean;
  readonly say: Say;
  /** Called, never from inside next(), when next() may have something. */
  readonly onReady: () => void;
};

/** A source and the names of the jails that its lines are for. */
export type Followed = { readonly source: LineSource; readonly jails: readonly string[] };

/** Sources that take one turn together: all log files, or one journal. */
export interface SourceGroup {
  /** The next lines of any of its sources, these in turn, and the jails that they are for; null: nothing now. */
  next(maxBytes: number): (Followed & { readonly batch: Batch }) | null;
  all(): readonly Followed[];
  /** By the key of each source: where it stands after everything that next() handed out. */
  positions(): ReadonlyMap<string, Position>;
  close(): void;
}

/** A source that has its turn alone; its position is saved under `key`. */
export function makeGroup(key: string, source: LineSource, jails: readonly string[]): SourceGroup {
  return {
    next(maxBytes) {
      const batch = source.read(maxBytes);
      return batch === null ? null : { source, jails, batch };
    },
    all: () => [{ source, jails }],
    positions() {
      const position = source.position();
      return new Map(position === null ? [] : [[key, position]]);
    },
    close: () => source.close(),
  };
}

/** A source of which nothing is read, for `status --sources` to tell why. */
export function makeIdle(name: string, trouble: string, openedAt: number): LineSource {
  const counts = {
    bytes: 0,
    errors: 0,
    cutLines: 0,
    skippedBytes: 0,
    rotations: 0,
    truncations: 0,
    lostFiles: 0,
  };
  const times = { openedAt, lastLine: null, lag: null, waitingSince: null };
  return {
    name,
    read: () => null,
    position: () => null,
    status: () => ({ ...counts, ...times, state: 'refused', trouble, live: true }),
    close() {},
  };
}

/** Whether parsed JSON is an object, no list. */
export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
