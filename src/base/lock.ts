import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { codeOf, MachineError, reasonOf } from './errors.ts';

/** A lock that this process holds until it calls `release` or dies. */
export type Lock = { release(): void };

/** Paths of util-linux' flock(1) on all distributions, for systems with an unusual PATH. */
const ENV = { PATH: `${process.env['PATH'] ?? ''}:/usr/bin:/bin:/usr/local/bin` };
const FLOCK_BUSY = 75;

/**
 * Takes the lock on `path`, and waits up to `waitSeconds` for it; null if another process keeps it. The lock
 * is the kernel's (`flock` on our open file) and ends with this process, so it is never stale; the file is
 * never removed. The file contains our pid, for people. Throws MachineError if the file cannot be opened.
 */
export function takeLock(path: string, waitSeconds: number): Lock | null {
  const fd = openLock(path);
  return settle(path, fd, flockNow(fd, flockArgs(waitSeconds)));
}

/** takeLock() without blocking the event loop. */
export function takeLockAsync(path: string, waitSeconds: number): Promise<Lock | null> {
  const fd = openLock(path);
  return new Promise((resolve, reject) => {
    const finish = (status: number | null, trouble: string | null): void => {
      try {
        resolve(settle(path, fd, { status, trouble }));
      } catch (error) {
        reject(error);
      }
    };
    const child = spawn('flock', flockArgs(waitSeconds), flockOptions(fd));
    child.once('error', (error) => finish(null, reasonOf(error)));
    child.once('exit', (status) => finish(status, null));
  });
}

/** Whether a process holds the lock on `path`. Several processes may ask at once. Throws like takeLock(). */
export function isLocked(path: string): boolean {
  const fd = openLock(path);
  const ended = flockNow(fd, ['-s', '-n', '-E', String(FLOCK_BUSY), '3']);
  closeSync(fd);
  if (ended.status !== 0 && ended.status !== FLOCK_BUSY) throw cannotLock(path, ended);
  return ended.status === FLOCK_BUSY;
}

/** The pid in the lock's file, of the process that holds it; null if the file has none. */
export function lockHolder(path: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function flockArgs(waitSeconds: number): string[] {
  const wait = waitSeconds > 0 ? ['-w', String(waitSeconds)] : ['-n'];
  return ['-x', '-E', String(FLOCK_BUSY), ...wait, '3'];
}

function openLock(path: string): number {
  try {
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new MachineError(`cannot open the lock file ${path}: ${codeOf(error) || reasonOf(error)}`);
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

function settle(path: string, fd: number, ended: Ended): Lock | null {
  if (ended.status === 0) {
    writePid(fd);
    return { release: () => closeSync(fd) };
  }
  closeSync(fd);
  if (ended.status === FLOCK_BUSY) return null;
  throw cannotLock(path, ended);
}

function cannotLock(path: string, { status, trouble }: Ended): MachineError {
  const why = trouble ?? `flock ended with ${status}`;
  return new MachineError(`cannot lock ${path}: ${why} (f2b needs flock, of the package util-linux)`);
}

/** The pid is only for people: the lock is valid without it, for example on a full disk. */
function writePid(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`);
  } catch {
    // ENOSPC, EDQUOT
  }
}
