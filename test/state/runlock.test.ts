import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeLock } from '../../src/base/lock.ts';
import {
  holdsRunLock,
  NO_NOTE,
  readDaemonNote,
  runLockPath,
  runningPid,
  takeRunLock,
} from '../../src/state/runlock.ts';

function withPath(work: (path: string, folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-runlock-'));
  try {
    work(join(folder, 'state.json'), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('one daemon holds the lock, and what it tells can be read', () =>
  withPath((path) => {
    const lock = takeRunLock(path, 0);
    assert.equal(runningPid(path), process.pid);
    assert.equal(readDaemonNote(path), null);
    const note = {
      ...NO_NOTE,
      unsaved: 'EROFS',
      kept: ['a'],
      reload: { began: 5, errors: ['x:1: y'], added: ['b'], removed: [], changed: ['c'] },
    };
    lock?.tell(note);
    assert.deepEqual(readDaemonNote(path), note);
    lock?.release();
    assert.equal(runningPid(path), null);
    assert.equal(readDaemonNote(path), null);
  }));

test('the lock holds where the folder of the state cannot be used, and when it can be again', () =>
  withPath((_, folder) => {
    writeFileSync(join(folder, 'sub'), '');
    const path = join(folder, 'sub/state.json');
    const lock = takeRunLock(path, 0);
    assert.equal(runningPid(path), process.pid);
    rmSync(join(folder, 'sub'));
    mkdirSync(join(folder, 'sub'));
    writeFileSync(runLockPath(path), '');
    assert.equal(takeRunLock(path, 0), null);
    assert.equal(runningPid(path), process.pid);
    lock?.release();
    takeRunLock(path, 0)?.release();
  }));

test('a pid counts only with the lock file open in that process; a lock of others beside the state is none', () =>
  withPath((path, folder) => {
    const lock = takeRunLock(path, 0);
    assert.ok(holdsRunLock(path, process.pid));
    assert.ok(!holdsRunLock(path, process.ppid) && !holdsRunLock(path, 2 ** 22 + 1));
    if (process.geteuid?.() === 0) {
      chmodSync(folder, 0o1777);
      chownSync(runLockPath(path), 65_534, 65_534);
      // What is left is the lock in the runtime folder, which others cannot make.
      assert.equal(runningPid(path), process.pid);
    }
    lock?.release();
    if (process.geteuid?.() !== 0) return;
    const held = takeLock(runLockPath(path), 0);
    assert.ok(held !== null);
    assert.equal(runningPid(path), null);
    held.release();
  }));
