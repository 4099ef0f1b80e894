import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLocked, lockHolder, lockNote, takeLock, takeLockAsync } from '../../src/base/lock.ts';

const LOCK = join(import.meta.dirname, '../../src/base/lock.ts');
const HOLD = `import { takeLock } from ${JSON.stringify(LOCK)};
const lock = takeLock(process.argv[1], 0);
console.log(lock === null ? 'busy' : 'mine');
if (lock !== null) setInterval(() => {}, 1000);`;

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-lock-'));
  try {
    await work(join(folder, 'lock'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const contend = (path: string) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = once(child.stdout, 'data').then(([data]) => String(data).trim());
  return { child, said };
};

test('takeLock() gives the lock to one, and again after its release', () =>
  inFolder(async (path) => {
    const lock = takeLock(path, 0);
    assert.notEqual(lock, null);
    assert.equal(takeLock(path, 0), null);
    assert.equal(await takeLockAsync(path, 0), null);
    assert.equal(lockHolder(path), process.pid);
    lock?.release();
    const again = await takeLockAsync(path, 0);
    assert.notEqual(again, null);
    again?.release();
  }));

test('isLocked() sees a lock that is held, and leaves no trace of having looked', () =>
  inFolder(async (path) => {
    const lock = takeLock(path, 0);
    assert.equal(isLocked(path), true);
    lock?.release();
    writeFileSync(path, '1\n');
    assert.equal(isLocked(path), false);
    assert.equal(lockHolder(path), 1);
    const looker = spawn('flock', ['-s', '-F', path, 'sh', '-c', 'echo looks; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(looker.stdout, 'data');
    assert.equal(isLocked(path), false, 'somebody else who looks is no holder');
    looker.kill('SIGKILL');
  }));

test('a lock whose holder was killed is free at once, and of eight contenders exactly one gets it', () =>
  inFolder(async (path) => {
    for (let round = 0; round < 3; round++) {
      const holder = contend(path);
      assert.equal(await holder.said, 'mine');
      assert.equal(lockHolder(path), holder.child.pid);
      holder.child.kill('SIGKILL');
      await once(holder.child, 'exit');
      const contenders = Array.from({ length: 8 }, () => contend(path));
      const said = await Promise.all(contenders.map((contender) => contender.said));
      for (const { child } of contenders) child.kill('SIGKILL');
      await Promise.all(
        contenders.map(({ child }) =>
          child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null,
        ),
      );
      assert.deepEqual(said.filter((word) => word === 'mine').length, 1, said.join(' '));
    }
  }));

test('takeLock() says what to install where flock is missing', () =>
  inFolder(async (path) => {
    const script = `import { takeLock } from ${JSON.stringify(LOCK)}; try { takeLock(process.argv[1], 0) } catch (e) { console.log(e.message) }`;
    const run = spawnSync(
      'unshare',
      [
        '-m',
        'sh',
        '-c',
        'mount --bind /dev/null /usr/bin/flock && exec "$0" --input-type=module -e "$1" "$2"',
        process.execPath,
        script,
        path,
      ],
      { encoding: 'utf8' },
    );
    if (run.status !== 0) return;
    assert.match(run.stdout, /cannot lock .*lock: .*\(f2b needs flock, of the package util-linux\)/);
  }));

test('note() replaces the line behind the pid, and a temporary lock takes its file along', () =>
  inFolder(async (path) => {
    const lock = takeLock(path, 0, { isTemporary: true });
    assert.equal(lockNote(path), null);
    lock?.note('a longer line');
    lock?.note('short');
    assert.deepEqual([lockHolder(path), lockNote(path)], [process.pid, 'short']);
    lock?.release();
    assert.equal(existsSync(path), false);
    takeLock(path, 0, { isTemporary: true })?.release();
  }));

test('a link in the place of a lock is not followed: its target stays as it is', () =>
  inFolder(async (path) => {
    writeFileSync(`${path}.precious`, 'mine\n');
    symlinkSync(`${path}.precious`, path);
    assert.throws(() => takeLock(path, 0), /it is a link/);
    assert.equal(readFileSync(`${path}.precious`, 'utf8'), 'mine\n');
  }));
