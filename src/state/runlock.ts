/**
 * The lock that a running daemon holds for its whole life: two never work on one state. It lies beside the state and in the
 * runtime folder: where one of them cannot be written, the other one holds. What the daemon cannot say through the state stands
 * inside:
 *
 *     const lock = takeRunLock(path, 3); // null: another one runs
 *     lock?.tell({ ...NO_NOTE, unsaved: 'EROFS: ..' });
 *     readDaemonNote(path)?.unsaved;
 */
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, MachineError, reasonOf } from '../base/errors.ts';
import { isLockable, isLocked, type Lock, lockHolder, lockNote, takeLock } from '../base/lock.ts';
import { isRecord } from '../source/source.ts';
import { runtimePath, runtimePaths } from './runtime.ts';

/** What a daemon tells commands. */
export type DaemonNote = {
  /** Why the state cannot be saved; null: it can. */
  readonly unsaved: string | null;
  /** Jails whose new settings are broken and that go on with their earlier ones. */
  readonly kept: readonly string[];
  /** Jails that are not started since their settings are broken. */
  readonly broken: readonly string[];
  /** The last reload that ended: when it began, by monotonicSeconds(), and what was wrong; [] = nothing. */
  readonly reload: ReloadNote | null;
  /** When a pass of `run --once` ended, epoch seconds; null: it has not, or it follows the logs. */
  readonly once: number | null;
};

/** A reload that ended: jails by name, and what was wrong. */
export type ReloadNote = {
  readonly began: number;
  readonly errors: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
};

/** A daemon that has nothing to tell. */
export const NO_NOTE: DaemonNote = { unsaved: null, kept: [], broken: [], reload: null, once: null };

/** Held by a running daemon. */
export type RunLock = { tell(note: DaemonNote): void; release(): void };

/** The clock that all processes of a machine share and nobody sets, in seconds. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** The file beside the state that a running daemon keeps locked. */
export function runLockPath(path: string): string {
  return `${path}.run`;
}

/** Takes the lock of the daemon, waiting up to `waitSeconds`; null when another one has it. Throws MachineError when it can lie nowhere. */
export function takeRunLock(path: string, waitSeconds: number): RunLock | null {
  const { places, trouble } = runLockPlaces(path);
  if (places.length === 0) throw new MachineError(trouble);
  const locks: Lock[] = [];
  const release = (): void => {
    for (const lock of locks) lock.release();
  };
  for (const { file, isTemporary } of places) {
    const lock = takeLock(file, waitSeconds, { isTemporary });
    if (lock === null) {
      release();
      return null;
    }
    locks.push(lock);
  }
  return {
    tell: (note) => {
      for (const lock of locks) lock.note(JSON.stringify(note));
    },
    release,
  };
}

/** The pid of the daemon that works on this state, null when none runs. */
export function runningPid(path: string): number | null {
  for (const file of heldPlaces(path)) {
    const pid = lockHolder(file);
    if (pid !== null) return pid;
  }
  return null;
}

/** What the running daemon tells; null when none runs, or it has not told anything yet. */
export function readDaemonNote(path: string): DaemonNote | null {
  for (const file of heldPlaces(path)) {
    const note = noteOf(lockNote(file));
    if (note !== null) return note;
  }
  return null;
}

/** When the last pass of `run --once` on this state ended, epoch seconds; null when another way of running came after it. */
export function lastOnce(path: string): number | null {
  return noteOf(lockNote(runLockPath(path)))?.once ?? null;
}

function heldPlaces(path: string): readonly string[] {
  const files = [runLockPath(path), ...runtimePaths(path, 'run')];
  return files.filter((file) => isTrusted(file) && isLocked(file));
}

/** A lock of another user, where others may write beside the state, is no daemon's. */
function isTrusted(file: string): boolean {
  if (!existsSync(file)) return false;
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat?.isFile() !== true) return false;
  const { uid, mode } = statSync(dirname(file));
  const isClosed = (mode & 0o002) === 0;
  return stat.uid === 0 || stat.uid === process.geteuid?.() || (isClosed && stat.uid === uid);
}

/** Whether the process has a lock file of the daemon open: a number in a file alone names no process that may be ended. */
export function holdsRunLock(path: string, pid: number): boolean {
  const inodes = heldPlaces(path).map((file) => inodeOf(file));
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => inodes.includes(inodeOf(`${folder}/${fd}`)));
  } catch (error) {
    // Whoever may not look may send no signal either.
    return codeOf(error) === 'EACCES';
  }
}

function inodeOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? file : `${stat.dev}:${stat.ino}`;
}

type Place = { readonly file: string; readonly isTemporary: boolean };

function runLockPlaces(path: string): { readonly places: readonly Place[]; readonly trouble: string } {
  const beside = runLockPath(path);
  const places = isLockable(beside) ? [{ file: beside, isTemporary: false }] : [];
  try {
    const file = runtimePath(path, 'run');
    return { places: [...places, { file, isTemporary: true }], trouble: '' };
  } catch (error) {
    return { places, trouble: `cannot open the lock file ${beside}; ${reasonOf(error)}` };
  }
}

function noteOf(line: string | null): DaemonNote | null {
  try {
    const json: unknown = JSON.parse(line ?? '');
    if (!isRecord(json)) return null;
    const { unsaved, kept, broken, reload, once } = json;
    return {
      unsaved: typeof unsaved === 'string' ? unsaved : null,
      kept: textsOf(kept),
      broken: textsOf(broken),
      reload: isRecord(reload) ? reloadOf(reload) : null,
      once: typeof once === 'number' ? once : null,
    };
  } catch {
    return null;
  }
}

function reloadOf(json: Readonly<Record<string, unknown>>): ReloadNote {
  return {
    began: Number(json['began']),
    errors: textsOf(json['errors']),
    added: textsOf(json['added']),
    removed: textsOf(json['removed']),
    changed: textsOf(json['changed']),
  };
}

function textsOf(json: unknown): readonly string[] {
  return Array.isArray(json) ? json.filter((one) => typeof one === 'string') : [];
}
