import { accessSync, constants, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { sha1 } from '../base/digest.ts';
import { codeOf, MachineError, reasonOf } from '../base/errors.ts';

type End = 'lock' | 'run' | 'sock';

/**
 * A file of the runtime folder that belongs to the state at `path`. The folder is /run/f2b for root, else $XDG_RUNTIME_DIR/f2b;
 * where that cannot be made, f2b-UID in $TMPDIR or /tmp. Throws MachineError when there is none.
 */
export function runtimePath(path: string, end: End): string {
  const troubles: string[] = [];
  for (const folder of runtimeFolders()) {
    const trouble = folderTrouble(folder);
    if (trouble === null) return join(folder, nameOf(path, end));
    troubles.push(`${folder}: ${trouble}`);
  }
  throw new MachineError(`cannot make a runtime folder: ${troubles.join(', ')}`);
}

/** Where that file may be; nothing is made. A folder that others made says nothing of us. */
export function runtimePaths(path: string, end: End): readonly string[] {
  return runtimeFolders()
    .filter(isOurs)
    .map((folder) => join(folder, nameOf(path, end)));
}

function runtimeFolders(): readonly string[] {
  const { XDG_RUNTIME_DIR, TMPDIR } = process.env;
  const uid = process.geteuid?.() ?? 0;
  const own = uid === 0 ? '/run/f2b' : XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, 'f2b') : null;
  return [...(own === null ? [] : [own]), join(TMPDIR || '/tmp', `f2b-${uid}`)];
}

function nameOf(path: string, end: End): string {
  return `${sha1(new TextEncoder().encode(realOf(path))).slice(0, 16)}.${end}`;
}

/** Makes the folder. Why it cannot be used: in /tmp others may have made it, or a link in its place. */
function folderTrouble(folder: string): string | null {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') return codeOf(error) || reasonOf(error);
  }
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    return codeOf(error) || reasonOf(error);
  }
  return isOurs(folder) ? null : 'it is no folder of this user alone';
}

function isOurs(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
}

/** One name for one state, also where a link leads to its folder. */
function realOf(path: string): string {
  const full = resolve(path);
  try {
    return join(realpathSync(dirname(full)), basename(full));
  } catch {
    return full;
  }
}
