/**
 * What a log file and the journal have in common: an endless source of lines that is pulled, in batches of
 * whole lines as bytes, and that can say at any time where it stands.
 *
 * The contract, which "exactly once" rests on: position() describes the state after everything that read()
 * has handed out. Save it together with the counts made from those lines, open the source again with it, and
 * no line comes twice and none is missing, whatever happened in between.
 */

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
  /** Epoch seconds of each line, in order, where the source knows them (the journal); null: look in the line. */
  readonly times: readonly number[] | null;
  /** False while what stood in the log before it was opened is caught up with. */
  readonly live: boolean;
};

/** Where reading stands in one file; `offset` bytes are done with. Dev and inode are decimal strings. */
export type FileMark = {
  readonly dev: string;
  readonly ino: string;
  readonly offset: number;
  /** Fingerprint of the file's first bytes: the first 256, or as many as lie before the offset. */
  readonly head: string;
  /** Fingerprint of the first line of that beginning: what a shorter copy of the file can be known by. */
  readonly first: string;
  /** Fingerprint of the last 64 bytes before the offset, or as many as there are. */
  readonly tail: string;
  /** The bytes from the offset to the next newline belong to a line that was already handed out. */
  readonly skip: boolean;
  /** Read to its end and closed; kept so that the file is known again when it comes back. */
  readonly done: boolean;
};

/** Position in a log file: the files to go on with, oldest first; the last one stood at the path. */
export type FilePosition = {
  readonly kind: 'file';
  /** Epoch seconds at which the last of the files was last seen at the path. */
  readonly seen: number;
  readonly files: readonly FileMark[];
};

/** Position in the journal: the last entry that was handed out and its `__REALTIME_TIMESTAMP` in microseconds. */
export type JournalPosition = {
  readonly kind: 'journal';
  readonly cursor: string;
  readonly realtime: number;
};

/** What is saved of a source; plain JSON. */
export type Position = FilePosition | JournalPosition;

/** How a source fares: `waiting` for something to appear, `refused` what it found, or reading. */
export type SourceState = 'reading' | 'waiting' | 'refused';

/** A source's health, for `status --sources` and the alarms. Times are epoch seconds. */
export type SourceStatus = {
  readonly state: SourceState;
  /** Why it waits, was refused or met an error last; null when all is well. */
  readonly trouble: string | null;
  readonly openedAt: number;
  /** When a line was last handed out; null: none yet. */
  readonly lastLine: number | null;
  /** Bytes handed out since it was opened. */
  readonly bytes: number;
  /** Bytes known to wait; null where that cannot be known (the journal). */
  readonly lag: number | null;
  /** Whether the end of what stood there at the opening was reached. */
  readonly live: boolean;
  readonly errors: number;
  /** Lines of which only the beginning was handed out (too long, or never finished). */
  readonly cutLines: number;
  /** Bytes passed over: rests of cut lines, NUL runs. */
  readonly skippedBytes: number;
  /** Times the file was replaced by another (rotation by renaming). */
  readonly rotations: number;
  /** Times the file was emptied in place (copytruncate). */
  readonly truncations: number;
  /** Files whose unread rest could not be found again. */
  readonly lostFiles: number;
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

/** Reads a Position out of parsed JSON; null when it is none (then the source begins as if it were new). */
export function readPosition(json: unknown): Position | null {
  if (!isRecord(json)) return null;
  if (json['kind'] === 'journal') {
    const { cursor, realtime } = json;
    return typeof cursor === 'string' && typeof realtime === 'number'
      ? { kind: 'journal', cursor, realtime }
      : null;
  }
  const { kind, seen, files } = json;
  if (kind !== 'file' || typeof seen !== 'number' || !Array.isArray(files)) return null;
  const marks = files.map(readMark);
  return marks.every((one) => one !== null) ? { kind, seen, files: marks } : null;
}

function readMark(json: unknown): FileMark | null {
  if (!isRecord(json)) return null;
  const { dev, ino, offset, head, first, tail, skip, done } = json;
  if (typeof dev !== 'string' || typeof ino !== 'string' || typeof head !== 'string') return null;
  if (typeof first !== 'string') return null;
  if (typeof tail !== 'string' || typeof skip !== 'boolean' || typeof done !== 'boolean') return null;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return null;
  return { dev, ino, offset, head, first, tail, skip, done };
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
