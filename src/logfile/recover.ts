import { closeSync } from 'node:fs';
import type { FileMark } from '../linesource.ts';
import { beginsLike, fits, openPlain } from './generation.ts';
import { byAge, listSiblings, type Sibling } from './siblings.ts';

/** A file to go on with: open, and the place from which on it is unread. */
export type Found = {
  readonly opened: ReturnType<typeof openPlain>;
  readonly path: string;
  readonly offset: number;
  readonly skip: boolean;
};

/** What was found beside the log; `lost` says in words what could not be. */
export type Recovered = { readonly found: readonly Found[]; readonly lost: readonly string[] };

/** What recovery starts from. */
export type Search = {
  readonly path: string;
  /** Unread rests to look for, oldest first. */
  readonly wanted: readonly FileMark[];
  /** Every mark of this log: a file that begins like one of them holds nothing new. */
  readonly familiar: readonly FileMark[];
  /** Epoch seconds; rotated files born since were never seen and are read from their start. */
  readonly seen: number;
  /** `dev:ino` of files that are followed already. */
  readonly taken: ReadonlySet<string>;
  /** Whether another source follows a path: what is new there is its affair. */
  readonly isFollowed: (path: string) => boolean;
};

/** Birth times come from the kernel's coarse clock, a few milliseconds behind. */
const COARSE = 0.02;

/** The key under which a file is known. */
export function keyOf(file: { readonly dev: string; readonly ino: string }): string {
  return `${file.dev}:${file.ino}`;
}

/**
 * Looks beside a log for what rotation moved away before it was read: the files of `wanted` by inode and
 * fingerprint, else a copy of them by fingerprint alone (copytruncate); then the files that came and went
 * since `seen`, in the order of their birth.
 */
export function recover(search: Search): Recovered {
  const siblings = listSiblings(search.path).filter((one) => !search.taken.has(keyOf(one)));
  const plain = siblings.filter((one) => !one.compressed);
  const used = new Set<string>();
  const found: Found[] = [];
  const lost: string[] = [];
  for (const mark of search.wanted) {
    const file = findRest(mark, plain, used);
    if (file !== null) found.push(file);
    else if (!plain.some((one) => coversNothingNew(one, mark)))
      lost.push(describeLoss(mark, siblings, search.seen));
  }
  const between = plain
    .filter(
      (one) =>
        one.rotated &&
        one.born >= search.seen - COARSE &&
        !used.has(keyOf(one)) &&
        !search.isFollowed(one.path),
    )
    .sort(byAge);
  for (const one of between) {
    const file = openFrom(one, 0, false);
    if (file === null) continue;
    if (search.familiar.some((mark) => mark.offset > 0 && beginsLike(file.opened.fd, mark))) {
      closeSync(file.opened.fd);
    } else {
      found.push(file);
    }
  }
  return { found, lost };
}

/** The file itself wherever it was moved, or the largest copy of it that reaches as far as was read. */
function findRest(mark: FileMark, plain: readonly Sibling[], used: Set<string>): Found | null {
  const same = plain.filter((one) => one.ino === mark.ino);
  const copies = plain.filter((one) => one.ino !== mark.ino && mark.offset > 0 && one.rotated);
  copies.sort((a, b) => b.size - a.size);
  for (const one of [...same, ...copies]) {
    if (one.size < mark.offset || used.has(keyOf(one))) continue;
    const file = openFrom(one, mark.offset, mark.skip);
    if (file === null) continue;
    if (fits(file.opened.fd, mark)) {
      used.add(keyOf(one));
      return file;
    }
    closeSync(file.opened.fd);
  }
  return null;
}

/** A copy that ends before the place up to which was read: all of it is known, nothing was lost. */
function coversNothingNew(one: Sibling, mark: FileMark): boolean {
  if (!one.rotated || mark.offset === 0 || one.size > mark.offset) return false;
  const file = openFrom(one, 0, false);
  if (file === null) return false;
  const alike = beginsLike(file.opened.fd, mark);
  closeSync(file.opened.fd);
  return alike;
}

function openFrom(one: Sibling, offset: number, skip: boolean): Found | null {
  try {
    return { opened: openPlain(one.path), path: one.path, offset, skip };
  } catch {
    return null;
  }
}

function describeLoss(mark: FileMark, siblings: readonly Sibling[], seen: number): string {
  const gone = `the file that was read up to byte ${mark.offset} is gone`;
  const packed = siblings.find((one) => one.compressed && one.rotated && one.born >= seen - COARSE);
  return packed === undefined
    ? `${gone}; what it held behind that is lost`
    : `${gone}; ${packed.path} may hold its rest, but a compressed file cannot be continued`;
}
