import { closeSync } from 'node:fs';
import { codeOf } from '../../base/errors.ts';
import type { DateOf } from '../source.ts';
import { isReadError, openPlain } from './descriptors.ts';
import { followNuls } from './nuls.ts';
import { beginsLike, type FoundFile, fits, readAt, textOf } from './openfile.ts';
import { PackedFiles } from './packed.ts';
import type { FileMark, ReadPart } from './position.ts';
import { judge } from './rewritten.ts';
import { byAge, listSiblings, type Names, type Sibling } from './siblings.ts';

/** What was found beside the log. */
export type Recovered = {
  readonly found: readonly FoundFile[];
  /** What could not be found, and that in words. */
  readonly lost: readonly { readonly mark: FileMark; readonly text: string }[];
  /** A file was too short to judge: it may be a copy that is being made. Look again a little later. */
  readonly again: boolean;
};

/** What recovery starts from. */
export type FileSearch = {
  readonly path: string;
  /** Unread rests to look for, oldest first. */
  readonly wanted: readonly FileMark[];
  /** Every mark of this log: a file that begins like one of them holds nothing new. */
  readonly familiar: readonly FileMark[];
  /** Epoch seconds; rotated files born since were never seen and are read from their start. */
  readonly seen: number;
  readonly dateOf: DateOf;
  /** Compressed files are unpacked to look for what is wanted: those born since `born`, with lines from `since` on (epoch seconds). */
  readonly packed: { readonly born: number; readonly since: number };
  /** Whether compressed files that were never seen are read, too. */
  readonly takesPacked: boolean;
  /** `dev:ino` of files that are followed already. */
  readonly taken: ReadonlySet<string>;
  /** Whether another source follows a path: what is new there is its affair. */
  readonly isFollowed: (path: string) => boolean;
  /**
   * The open file at the path, when the log may be rotated by copying: what begins like it, or is too short to tell, may
   * be a copy in the making and is left for later. Null: rotated by renaming, where even an empty file counts,
   * since it may yet be written to.
   */
  readonly original: number | null;
};

/** Birth times come from the kernel's coarse clock, a few milliseconds behind; in seconds. */
export const COARSE = 0.02;
/** A copy that is shorter may only have begun. */
const SHORT = 256;
const TRIES = 10;
/** So many of the files read last are looked for in others that were written anew. */
const JUDGED = 4;
const UNKNOWN: Omit<ReadPart, 'mark'> = { first: null, last: null, tail: null };

/** The key under which a file is known. */
export function inodeKey(file: { readonly dev: string; readonly ino: string }): string {
  return `${file.dev}:${file.ino}`;
}

/**
 * Looks beside a log for what rotation moved away before it was read: the files of `wanted` by inode and
 * fingerprint, else a copy of them by fingerprint alone (copytruncate); then the files that came and went
 * since `seen`, in the order of their birth.
 */
export function recover(search: FileSearch): Recovered {
  for (let tries = 1; ; tries++) {
    const opened: FoundFile[] = [];
    try {
      const near = tryRecover(search, opened, 'rotated');
      if (near.lost.length === 0) return near;
      for (const one of opened.splice(0)) closeSync(one.opened.fd);
      return tryRecover(search, opened, 'all');
    } catch (error) {
      for (const one of opened) closeSync(one.opened.fd);
      // Rotation renames the files while they are looked at.
      if (!(error instanceof Moved)) throw error;
      if (tries === TRIES) return { found: [], lost: [], again: true };
    }
  }
}

/** A name leads to another file than a moment ago. */
class Moved extends Error {}

function tryRecover(search: FileSearch, found: FoundFile[], names: Names): Recovered {
  const known = new Set([...search.familiar, ...search.wanted].map(inodeKey));
  // In a folder such as /tmp every user can make a file with a rotated name.
  const siblings = listSiblings(search.path, names).filter(
    (one) => !search.taken.has(inodeKey(one)) && (one.trusted || known.has(inodeKey(one))),
  );
  const packed = new PackedFiles(siblings, search.packed.since);
  try {
    const plain = siblings.filter((one) => !one.compressed);
    const used = new Set<string>();
    const lost: { mark: FileMark; text: string }[] = [];
    for (const mark of search.wanted) {
      const file = findWanted(mark, plain, { ...search, used });
      const isKnown = file === null && plain.some((one) => holdsNothingNew(one, mark));
      const rest = file ?? (isKnown ? null : packed.find(mark, search.packed.born - COARSE));
      if (rest !== null) found.push(rest);
      else if (!isKnown) lost.push({ mark, text: describeLoss(mark, packed) });
    }
    if (search.takesPacked)
      found.push(...packed.unseen(search.seen - COARSE, (fd) => isFamiliar(fd, search)));
    const isUnclear = takeBetween(plain, { search, used }, found);
    return { found, lost, again: isUnclear };
  } finally {
    packed.close();
  }
}

type Used = { readonly used: Set<string> };

function findWanted(mark: FileMark, plain: readonly Sibling[], search: FileSearch & Used): FoundFile | null {
  return findRest(mark, plain, search.used) ?? findRewritten(mark, plain, search);
}

/** Takes the files that came and went since; true when one could not be judged yet. */
function takeBetween(
  plain: readonly Sibling[],
  { search, used }: Used & { readonly search: FileSearch },
  found: FoundFile[],
): boolean {
  const isNew = (one: Sibling): boolean =>
    !used.has(inodeKey(one)) && (one.born >= search.seen - COARSE || isCopiedOver(one, search));
  const between = plain.filter((one) => one.rotated && isNew(one) && !search.isFollowed(one.path));
  let again = false;
  for (const one of between.sort(byAge)) {
    const file = openFrom(one, 0, false);
    if (file === null) continue;
    const { original } = search;
    const unclear = original !== null && holds(file, (fd) => mayBeInTheMaking(fd, original));
    again ||= unclear;
    if (unclear || !holds(file, (fd) => !isFamiliar(fd, search))) {
      closeSync(file.opened.fd);
    } else {
      found.push(file);
    }
  }
  return again;
}

/** Whether a file holds what was read, or that written anew (as by a script that anonymises what was rotated). */
function isFamiliar(fd: number, { familiar, seen, dateOf }: FileSearch): boolean {
  const known = familiar.filter((mark) => textOf(mark) > 0);
  if (known.some((mark) => beginsLike(fd, mark))) return true;
  const judging = { dateOf, seen, isReplaced: true, isFinal: true };
  return known.slice(-JUDGED).some((mark) => judge(fd, { mark, ...UNKNOWN }, judging) !== 'new');
}

/** Whether a rotated file holds other bytes than when it was read: rotation by `cp` uses the same file again. */
function isCopiedOver(one: Sibling, { familiar, seen }: FileSearch): boolean {
  const mark = familiar.findLast((mark) => inodeKey(mark) === inodeKey(one));
  if (mark === undefined || textOf(mark) === 0 || one.written < seen - COARSE) return false;
  const file = openFrom(one, 0, false);
  if (file === null) return false;
  const isOther = holds(file, (fd) => !beginsLike(fd, mark));
  closeSync(file.opened.fd);
  return isOther;
}

function mayBeInTheMaking(copy: number, original: number): boolean {
  const base = followNuls(copy, 0, Number.POSITIVE_INFINITY).at;
  const made = readAt(copy, base, SHORT);
  const from = readAt(original, base, made.length);
  return made.length < SHORT || from.equals(made.subarray(0, Math.max(1, from.length)));
}

/** The file itself wherever it was moved, or the largest copy of it that reaches as far as was read. */
function findRest(mark: FileMark, plain: readonly Sibling[], used: Set<string>): FoundFile | null {
  const same = plain.filter((one) => one.ino === mark.ino);
  const copies = plain.filter((one) => one.ino !== mark.ino && mark.offset > 0 && one.rotated);
  copies.sort((a, b) => b.size - a.size);
  for (const one of [...same, ...copies]) {
    if (one.size < mark.offset || used.has(inodeKey(one))) continue;
    const file = openFrom(one, mark.offset, mark.skip);
    if (file === null) continue;
    if (holds(file, (fd) => fits(fd, mark))) {
      used.add(inodeKey(one));
      return file;
    }
    closeSync(file.opened.fd);
  }
  return null;
}

/** A rotated file that holds what was read, written anew since. */
function findRewritten(
  mark: FileMark,
  plain: readonly Sibling[],
  { used, seen, dateOf }: FileSearch & Used,
): FoundFile | null {
  for (const one of plain) {
    if (!one.rotated || one.born < seen - COARSE || used.has(inodeKey(one))) continue;
    const file = openFrom(one, 0, false);
    if (file === null) continue;
    const judging = { dateOf, seen, isReplaced: true, isFinal: true };
    const verdict = ask(file, (fd) => judge(fd, { mark, ...UNKNOWN }, judging));
    if (verdict !== null && verdict !== 'new' && verdict !== 'unclear') {
      used.add(inodeKey(one));
      return { ...file, ...verdict };
    }
    closeSync(file.opened.fd);
  }
  return null;
}

/** A copy that ends before the place up to which was read: all of it is known, nothing was lost. */
function holdsNothingNew(one: Sibling, mark: FileMark): boolean {
  if (!one.rotated || textOf(mark) === 0 || one.size > mark.offset) return false;
  const file = openFrom(one, 0, false);
  if (file === null) return false;
  const alike = holds(file, (fd) => beginsLike(fd, mark));
  closeSync(file.opened.fd);
  return alike;
}

/** Whether what is claimed of a file holds; false when it cannot be read. */
function holds(file: FoundFile, claim: (fd: number) => boolean): boolean {
  return ask(file, claim) ?? false;
}

/** What is asked of a file; null when it cannot be read. */
function ask<T>(file: FoundFile, question: (fd: number) => T): T | null {
  try {
    return question(file.opened.fd);
  } catch (error) {
    if (isReadError(error)) return null;
    throw error;
  }
}

/** Opens what was found; null when it may not be read, Moved when its name leads elsewhere by now. */
function openFrom(one: Sibling, offset: number, skip: boolean): FoundFile | null {
  let opened: FoundFile['opened'];
  try {
    opened = openPlain(one.path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new Moved(one.path);
    return null;
  }
  if (String(opened.stat.ino) === one.ino && String(opened.stat.dev) === one.dev) {
    return { opened, path: one.path, offset, skip };
  }
  closeSync(opened.fd);
  throw new Moved(one.path);
}

function describeLoss(mark: FileMark, packed: PackedFiles): string {
  const gone = `the file that was read up to byte ${mark.offset} is gone`;
  return `${gone}; ${packed.trouble(mark) ?? 'what it held behind that is lost'}`;
}
