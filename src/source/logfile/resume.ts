import { closeSync } from 'node:fs';
import { fits, isTelling, openPlain } from './openfile.ts';
import type { FileMark, FilePosition } from './position.ts';
import { type FileSearch, type FoundFile, inodeKey, recover } from './recover.ts';

/** How a saved position was found again. */
export type Resumed = {
  /** Files with an unread rest, oldest first; the one at the path is not among them. */
  readonly before: readonly FoundFile[];
  /** The file at the path; null when none can be opened. */
  readonly current: FoundFile | null;
  /** Marks that are done with, to be known again. */
  readonly past: readonly FileMark[];
  /** What could not be found, in words. */
  readonly lost: string | null;
};

/** How resume() asks its surroundings. */
export type ResumeContext = Pick<FileSearch, 'path' | 'isFollowed'> & {
  readonly adopt: (opened: FoundFile['opened']) => FileMark | null;
};

/**
 * Takes up a saved position: finds the files that were read last, whatever they are called by now, and those
 * that came and went in the meantime. A file whose fingerprint does not agree is a new one.
 */
export function resume(position: FilePosition, around: ResumeContext): Resumed {
  const { path, isFollowed } = around;
  const pending = position.files.filter((one) => !one.done);
  const opened = tryOpen(path);
  const mark = opened === null ? null : markOrClose(opened, position, around);
  const wanted = pending.filter((one) => one !== mark);
  const current =
    opened === null ? null : { opened, path, offset: mark?.offset ?? 0, skip: mark?.skip ?? false };
  const done = position.files.filter((one) => one.done);
  const rotated = mark === null || mark !== pending.at(-1);
  if (!rotated && wanted.length === 0) return { before: [], current, past: done, lost: null };
  const taken = new Set(opened === null ? [] : [keyOfOpened(opened)]);
  // Files born since count only when the file at the path is not the one that was read last.
  const seen = rotated ? position.seen : Number.POSITIVE_INFINITY;
  const { found, lost } = recover({
    path,
    isFollowed,
    wanted,
    familiar: position.files,
    seen,
    taken,
    original: null,
  });
  const open = new Set(found.map((one) => String(one.opened.stat.ino)));
  const missing = wanted.filter((one) => !open.has(one.ino)).map((one) => ({ ...one, done: true }));
  const past = [...done, ...missing];
  return { before: found, current, past, lost: rotated && found.length === 0 ? (lost.at(-1) ?? null) : null };
}

/** The key of an open file, as keyOf() makes it of a mark. */
export function keyOfOpened(opened: FoundFile['opened']): string {
  return inodeKey({ dev: String(opened.stat.dev), ino: String(opened.stat.ino) });
}

function tryOpen(path: string): FoundFile['opened'] | null {
  try {
    return openPlain(path);
  } catch {
    return null;
  }
}

/** The mark that the file at the path goes on from; when it cannot be read it is closed, and the error thrown. */
function markOrClose(
  opened: FoundFile['opened'],
  { files }: FilePosition,
  { adopt }: ResumeContext,
): FileMark | null {
  try {
    return markOf(opened, files) ?? adopt(opened);
  } catch (error) {
    closeSync(opened.fd);
    throw error;
  }
}

/** The mark that the file goes on from: its own, or, when it was rewritten, one that cannot agree by chance. */
function markOf(opened: FoundFile['opened'], files: readonly FileMark[]): FileMark | null {
  const ino = String(opened.stat.ino);
  const own = files.findLast(
    (one) => one.ino === ino && (one.offset > 0 || !one.done) && fits(opened.fd, one),
  );
  return own ?? files.findLast((one) => !one.done && isTelling(one) && fits(opened.fd, one)) ?? null;
}
