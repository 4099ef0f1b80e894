import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { codeOf, MachineError, reasonOf } from './errors.ts';
import { ownPath, SYSTEM_PATH, safePath } from './programs.ts';

/**
 * A lock that this process holds until `release` is called or it dies. `note` puts a line of text behind the pid in its file,
 * in place of the last one; on a full disk it is left out.
 */
export type Lock = { note(line: string): void; release(): void };

/** How to lock: `isTemporary` removes the file at the release. */
type LockOptions = { readonly isTemporary?: boolean };

/** Paths of util-linux' flock(1) on all distributions, for systems with an unusual PATH. */
const ENV = { PATH: `${ownPath()}:${safePath(SYSTEM_PATH)}` };
const FLOCK_BUSY = 75;

/**
 * Takes the lock on `path` or waits up to `waitSeconds` for it; null when another process kept it. The lock is the
 * kernel's (`flock` on our open file): it dies with us, so there is no stale lock. The file stays unless it is temporary.
 * Our pid is written inside for people to read. Throws MachineError when the file cannot be opened.
 */
export function takeLock(path: string, waitSeconds: number, options: LockOptions = {}): Lock | null {
  for (;;) {
    const fd = openLock(path);
    const lock = settle(path, fd, flockNow(fd, flockArgs(waitSeconds)), options);
    if (lock !== 'again') return lock;
  }
}

/** takeLock without blocking the caller's event loop. */
export async function takeLockAsync(
  path: string,
  waitSeconds: number,
  options: LockOptions = {},
): Promise<Lock | null> {
  for (;;) {
    const lock = await attemptAsync(path, waitSeconds, options);
    if (lock !== 'again') return lock;
  }
}

function attemptAsync(
  path: string,
  waitSeconds: number,
  options: LockOptions,
): Promise<Lock | null | 'again'> {
  const fd = openLock(path);
  return new Promise((resolve, reject) => {
    const finish = (status: number | null, trouble: string | null): void => {
      try {
        resolve(settle(path, fd, { status, trouble }, options));
      } catch (error) {
        reject(error);
      }
    };
    const child = spawn('flock', flockArgs(waitSeconds), flockOptions(fd));
    child.once('error', (error) => finish(null, reasonOf(error)));
    child.once('exit', (status) => finish(status, null));
  });
}

/** Whether the lock's file is there or can be made. */
export function isLockable(path: string): boolean {
  try {
    closeSync(openLock(path));
    return true;
  } catch {
    return false;
  }
}

/** Whether a process holds the lock on `path`; several may look at the same time. Throws as takeLock does. */
export function isLocked(path: string): boolean {
  const fd = openLock(path);
  const ended = flockNow(fd, ['-s', '-n', '-E', String(FLOCK_BUSY), '3']);
  closeSync(fd);
  if (ended.status !== 0 && ended.status !== FLOCK_BUSY) throw cannotLock(path, ended);
  return ended.status === FLOCK_BUSY;
}

/** The pid in the lock's file, of the process that holds it; null if the file has none. */
export function lockHolder(path: string): number | null {
  const pid = Number.parseInt(textOf(path), 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/** The line that the holder noted in the lock's file; null when there is none, or not all of it yet. */
export function lockNote(path: string): string | null {
  const [, line, end] = textOf(path).split('\n');
  return end === undefined ? null : (line ?? null);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function flockArgs(waitSeconds: number): string[] {
  const wait = waitSeconds > 0 ? ['-w', String(waitSeconds)] : ['-n'];
  return ['-x', '-E', String(FLOCK_BUSY), ...wait, '3'];
}

const { O_RDWR, O_RDONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;

/** A file that is there already can be locked on a read-only file system, too. A link is not followed: others may have made it. */
function openLock(path: string): number {
  try {
    return openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (error) {
    const code = codeOf(error);
    try {
      if (code === 'EROFS') return openSync(path, O_RDONLY | O_NOFOLLOW);
    } catch {
      // It is not there: what counts is why it could not be made.
    }
    const why = code === 'ELOOP' ? 'it is a link' : code || reasonOf(error);
    throw new MachineError(`cannot open the lock file ${path}: ${why}`);
  }
}

/** Descriptor 3 of flock(1) is our open file. */
function flockOptions(fd: number): SpawnOptions {
  return { stdio: ['ignore', 'ignore', 'ignore', fd], env: ENV };
}

type Ended = { readonly status: number | null; readonly trouble: string | null };

function flockNow(fd: number, args: readonly string[]): Ended {
  const { status, error } = spawnSync('flock', args, flockOptions(fd));
  return { status, trouble: error === undefined ? null : reasonOf(error) };
}

function settle(
  path: string,
  fd: number,
  ended: Ended,
  { isTemporary = false }: LockOptions,
): Lock | null | 'again' {
  if (ended.status === 0) {
    // Who held it before may have removed the file that was opened here.
    if (isTemporary && !leadsTo(path, fd)) {
      closeSync(fd);
      return 'again';
    }
    const pid = `${process.pid}\n`;
    write(fd, 0, pid);
    return {
      note: (line) => write(fd, pid.length, `${line}\n`),
      release: () => {
        if (isTemporary) rmSync(path, { force: true });
        closeSync(fd);
      },
    };
  }
  closeSync(fd);
  if (ended.status === FLOCK_BUSY) return null;
  throw cannotLock(path, ended);
}

function leadsTo(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const open = fstatSync(fd, { bigint: true });
  return there?.ino === open.ino && there.dev === open.dev;
}

function cannotLock(path: string, { status, trouble }: Ended): MachineError {
  const why = trouble ?? `flock ended with ${status}`;
  return new MachineError(`cannot lock ${path}: ${why} (f2b needs flock, of the package util-linux)`);
}

/** Puts the text behind the first `keep` bytes. It is for people and commands: on a full disk the lock holds without it. */
function write(fd: number, keep: number, text: string): void {
  try {
    ftruncateSync(fd, keep);
    writeSync(fd, text);
  } catch {
    // ENOSPC, EDQUOT, EBADF on a read-only file system
  }
}
