/**
 * Reads and writes the state file (docs/STATE.md).
 *
 * The file is replaced in one step, so that a crash leaves the old file or the new one. A damaged file is set
 * aside and the previous one is used, with a warning. Callers that change the state hold its lock:
 *
 *     const lock = lockState(path);
 *     const { state, warnings } = loadState(path, true);
 *     await saveState(path, state, now);
 *     lock.release();
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, MachineError, reasonOf } from '../base/errors.ts';
import { files, removeFile, writeAll } from '../base/files.ts';
import { isLockable, type Lock, takeLock, takeLockAsync } from '../base/lock.ts';
import { printPages, readState, STATE_VERSION } from './json.ts';
import { runtimePath } from './runtime.ts';
import { emptyState, type State } from './state.ts';

/** Seconds that a command waits for the lock. */
const LOCK_WAIT = 30;

/** A state from disk, and warnings about its file. */
export type LoadedState = { readonly state: State; readonly warnings: readonly string[] };

/** The state file is there, perhaps whole, but cannot be read: a bad disk, no permission, a folder in its place. */
export class UnreadStateError extends MachineError {}

/** The file that keeps the last good state while a new one is written. */
export function previousPath(path: string): string {
  return `${path}.previous`;
}

/** The file that is locked while the state is changed. */
export function lockPath(path: string): string {
  return `${path}.lock`;
}

/** Makes the folder of the state file (0700) where it is missing. */
export function prepareFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new MachineError(`cannot make the folder ${dirname(path)}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/**
 * Reads the state; without a file it is empty. A damaged file is set aside as PATH.damaged-N if `mayRepair`
 * (then the lock must be held), and the previous one is used. Throws MachineError for a newer version and
 * UnreadStateError for a file that cannot be read, and leaves them alone.
 */
export function loadState(path: string, mayRepair: boolean): LoadedState {
  const text = readText(path);
  if (text === null) return loadPrevious(path, existsSync(previousPath(path)) ? [`${path} is missing`] : []);
  const read = readState(text);
  if (read.kind === 'ok') return { state: read.state, warnings: [] };
  if (read.kind === 'newer') throw newer(path, read.version);
  const warnings = [`the state file ${path} is damaged: ${read.reason}`];
  if (mayRepair) warnings.push(setAside(path));
  return loadPrevious(path, warnings);
}

function loadPrevious(path: string, warnings: readonly string[]): LoadedState {
  const previous = previousPath(path);
  const text = warnings.length > 0 ? readText(previous) : null;
  if (text === null) {
    const note = warnings.length > 0 ? ['there is no earlier one: starting with nothing'] : [];
    return { state: emptyState(), warnings: [...warnings, ...note] };
  }
  const read = readState(text);
  if (read.kind === 'newer') throw newer(previous, read.version);
  if (read.kind === 'ok') {
    return { state: read.state, warnings: [...warnings, `going on with the one before it, ${previous}`] };
  }
  return {
    state: emptyState(),
    warnings: [...warnings, `${previous} is damaged as well: ${read.reason}: starting with nothing`],
  };
}

function newer(path: string, version: number): MachineError {
  return new MachineError(
    `cannot use the state file ${path}: it has version ${version}, this f2b knows ${STATE_VERSION}: use a newer f2b`,
  );
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new UnreadStateError(`cannot read the state file ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/** What became of a damaged file. */
function setAside(path: string): string {
  for (let n = 1; ; n++) {
    const aside = `${path}.damaged-${n}`;
    if (existsSync(aside)) continue;
    try {
      renameSync(path, aside);
    } catch (error) {
      return `it cannot be set aside: ${codeOf(error) || reasonOf(error)}`;
    }
    return `it was set aside as ${aside}`;
  }
}

/**
 * Replaces the state file in one step: temporary file, rename, fsync of the file and of the folder; mode 0600. The old
 * file stays as PATH.previous. Writes the state at the time of the call; later changes do not matter. The
 * lock must be held. `onReplaced` is called when the file is in its place, before the disk has it. Answers its size in bytes. Throws MachineError (full disk, no permission); unless the disk failed at the very
 * end, the old file is then unchanged.
 */
export async function saveState(
  path: string,
  state: State,
  now: number,
  onReplaced: () => void = () => undefined,
): Promise<number> {
  const temporary = `${path}.tmp`;
  try {
    const pages = printPages(state, now);
    const size = pages.reduce((sum, page) => sum + page.length, 0);
    await removeFile(temporary);
    const file = await files.open(temporary, 'wx', 0o600);
    try {
      for (const page of pages) {
        await writeAll(file, page);
        // Frees the memory at once: the garbage collector is slow to free memory outside the heap.
        page.buffer.transfer(0);
      }
      await keepPrevious(path);
      // From here on a process that is killed has saved it. The disk takes its time: what a power failure leaves of the file before that is
      // damaged, and then the previous one counts.
      await files.rename(temporary, path);
      onReplaced();
      await files.fsync(file);
    } finally {
      await files.close(file);
    }
    await syncFolder(dirname(path));
    return size;
  } catch (error) {
    await removeFile(temporary).catch(() => undefined);
    throw new MachineError(`cannot write the state file ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/** In one step: at no time are both the file and the previous one missing. */
async function keepPrevious(path: string): Promise<void> {
  const temporary = `${previousPath(path)}.tmp`;
  await removeFile(temporary);
  try {
    await files.link(path, temporary);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await files.rename(temporary, previousPath(path));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await files.open(folder, 'r');
  try {
    await files.fsync(handle);
  } finally {
    await files.close(handle);
  }
}

/** Room that a change of the state may need besides what it takes up now, in bytes. */
const SLACK = 4096;

/**
 * Throws MachineError when the state could not be saved now: whoever is about to change a firewall finds out before. The lock must
 * be held.
 */
export function assertSavable(path: string): void {
  const temporary = `${path}.tmp`;
  try {
    const size = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) + SLACK;
    const fd = openSync(temporary, 'w', 0o600);
    try {
      const zeros = Buffer.alloc(Math.min(size, 1024 * 1024));
      for (let at = 0; at < size; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, size - at));
    } finally {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
  } catch (error) {
    throw new MachineError(`cannot write the state file ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/**
 * The state's lock, waited for. It lies beside the state, or in the runtime folder where it cannot be made there. Throws
 * MachineError when others hold it for too long.
 */
export function lockState(path: string): Lock {
  const { file, isTemporary } = lockPlace(path);
  const lock = takeLock(file, LOCK_WAIT, { isTemporary });
  if (lock === null) {
    throw new MachineError(`cannot change ${path}: another process has kept its lock for ${LOCK_WAIT} s`);
  }
  return lock;
}

/** lockState without blocking the caller's event loop; null when others hold it for `waitSeconds`. */
export async function lockStateAsync(path: string, waitSeconds: number): Promise<Lock | null> {
  const { file, isTemporary } = lockPlace(path);
  return takeLockAsync(file, waitSeconds, { isTemporary });
}

function lockPlace(path: string): { readonly file: string; readonly isTemporary: boolean } {
  const file = lockPath(path);
  if (isLockable(file)) return { file, isTemporary: false };
  return { file: runtimePath(path, 'lock'), isTemporary: true };
}
