import { closeSync } from 'node:fs';
import { openPlain } from './descriptors.ts';
import { type FoundFile, fits, isTelling, textOf } from './openfile.ts';
import type { FileMark, FilePosition } from './position.ts';
import { type FileSearch, inodeKey, recover } from './recover.ts';
import { type Continuation, judge } from './rewritten.ts';

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
export type ResumeContext = Pick<FileSearch, 'path' | 'isFollowed' | 'dateOf'> & {
  /** Epoch seconds: older lines do not matter. */
  readonly since: number;
  readonly adopt: (opened: FoundFile['opened']) => FileMark | null;
};

/**
 * Takes up a saved position: finds the files that were read last, whatever they are called by now, and those
 * that came and went in the meantime. A file whose fingerprint does not agree is a new one.
 */
export function resume(position: FilePosition, around: ResumeContext): Resumed {
  const { path, isFollowed, dateOf } = around;
  const pending = position.files.filter((one) => !one.done);
  const opened = tryOpen(path);
  const known = opened === null ? null : markOrClose(opened, position, around);
  const { mark, rewritten } = known ?? { mark: null, rewritten: null };
  const wanted = pending.filter((one) => one !== mark);
  const current =
    opened === null
      ? null
      : { opened, path, offset: (rewritten ?? mark)?.offset ?? 0, skip: (rewritten ?? mark)?.skip ?? false };
  const done = position.files.filter((one) => one.done);
  const rotated = mark === null || mark !== pending.at(-1);
  if (!rotated && wanted.length === 0) return { before: [], current, past: done, lost: null };
  const taken = new Set(opened === null ? [] : [keyOfOpened(opened)]);
  // Files born since count only when the file at the path is not the one that was read last.
  const seen = rotated ? position.seen : Number.POSITIVE_INFINITY;
  const { found, lost } = recover({
    path,
    isFollowed,
    dateOf,
    wanted,
    familiar: position.files,
    seen,
    taken,
    packed: { born: Number.NEGATIVE_INFINITY, since: around.since },
    takesPacked: true,
    original: null,
  });
  const open = new Set(found.map((one) => String(one.opened.stat.ino)));
  const missing = wanted.filter((one) => !open.has(one.ino)).map((one) => ({ ...one, done: true }));
  const past = [...done, ...missing];
  const last = lost.find((one) => one.mark === pending.at(-1));
  // An empty file that is gone is no loss where others were found.
  const isLost = rotated && last !== undefined && (textOf(last.mark) > 0 || found.length === 0);
  return { before: found, current, past, lost: isLost ? last.text : null };
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

/** Which file stands at the path: the mark of it, and where it goes on when it was written anew. */
type Known = { readonly mark: FileMark | null; readonly rewritten: Continuation | null };

/** Finds out which file stands at the path; when it cannot be read it is closed, and the error thrown. */
function markOrClose(
  opened: FoundFile['opened'],
  { files, seen }: FilePosition,
  { adopt, dateOf }: ResumeContext,
): Known {
  try {
    const mark = markOf(opened, files) ?? adopt(opened);
    const before = files.findLast((one) => textOf(one) > 0);
    if (before === undefined || (mark !== null && textOf(mark) > 0)) return { mark, rewritten: null };
    const isReplaced = before.ino !== String(opened.stat.ino);
    const part = { mark: before, first: null, last: null, tail: null };
    const verdict = judge(opened.fd, part, { dateOf, seen, isReplaced, isFinal: true });
    if (verdict === 'new' || verdict === 'unclear') return { mark, rewritten: null };
    return { mark: mark ?? before, rewritten: verdict };
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
