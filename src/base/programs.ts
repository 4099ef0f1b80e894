import { accessSync, constants, lstatSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';

/** Where programs are when PATH says nothing that can be trusted. */
export const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Who besides root and us can change what `path` names, in words: `is owned by uid 1000`, `can be written by others`; null
 * when nobody can. A folder in which others may only add files (root's sticky /tmp) is fine as a parent.
 */
export function writerOf(path: string, isParent = false): string | null {
  const stat = lstatSync(path);
  const { uid, gid, mode } = stat;
  if (uid !== 0 && uid !== process.getuid?.()) return `is owned by uid ${uid}`;
  if (stat.isSymbolicLink() || (isParent && (mode & STICKY) !== 0)) return null;
  // root's group and a user's own one give nothing away.
  const isOwnGroup = gid === 0 || (gid === uid && gid === process.getgid?.());
  const others = isOwnGroup ? WRITABLE_BY_OTHERS & 0o007 : WRITABLE_BY_OTHERS;
  return (mode & others) === 0 ? null : 'can be written by others';
}

/** The first of the path and its parents that others can change, and how; null when there is none. */
export function weakPlace(path: string): { readonly path: string; readonly why: string } | null {
  for (const start of new Set([normalize(path), realpathSync(path)])) {
    for (let at = start; ; at = dirname(at)) {
      const why = writerOf(at, at !== start);
      if (why !== null) return { path: at, why };
      if (at === dirname(at)) break;
    }
  }
  return null;
}

/** The folders of a PATH out of which a program may be run: absolute, and only root or we can write there. */
export function safePath(path: string | undefined): string {
  const safe = (path ?? '').split(':').filter((folder) => isAbsolute(folder) && isTrusted(folder));
  return safe.length === 0 ? SYSTEM_PATH : safe.join(':');
}

function isTrusted(folder: string): boolean {
  try {
    return weakPlace(folder) === null;
  } catch {
    // It is not there, or cannot be seen.
    return false;
  }
}

/** Whether a program is in one of the folders of a PATH. */
export function isIn(path: string, program: string): boolean {
  return path.split(':').some((folder) => {
    try {
      accessSync(isAbsolute(program) ? program : join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

let ours: string | null = null;

/** PATH of this process without what others could have put there; the system's folders where nothing is left. */
export function ownPath(): string {
  ours ??= safePath(process.env['PATH']);
  return ours;
}
