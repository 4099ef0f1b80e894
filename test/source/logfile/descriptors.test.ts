import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  fstatSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Descriptor, Descriptors, FileMoved, openPlain } from '../../../src/source/logfile/descriptors.ts';
import { follow, makeFolder, until } from './following.ts';

const isOpen = (fd: number): boolean => {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
};

test('the descriptor that was not used for longest is closed for the next, and opened again when it is used', (t) => {
  const folder = makeFolder(t);
  const shared = new Descriptors(2);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => {
    writeFileSync(join(folder, name), name);
    const one = new Descriptor(openPlain(join(folder, name)), shared);
    t.after(() => one.close());
    return one;
  });
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  assert.equal(shared.size, 2);
  const read = (one: Descriptor): string => readFileSync(`/proc/self/fd/${one.fd}`, 'utf8');
  assert.deepEqual([read(a), read(b), read(c), read(a)], ['a', 'b', 'c', 'a']);
  assert.equal(shared.size, 2);
  const { fd } = c;
  void b.fd;
  void a.fd;
  assert.ok(!isOpen(fd) || fd === a.fd || fd === b.fd);
  assert.equal(c.size(), 1);
  renameSync(join(folder, 'a'), join(folder, 'c'));
  assert.ok(!c.isReachable);
  assert.throws(() => c.fd, FileMoved);
  a.close();
  b.close();
  assert.equal(shared.size, 0);
});

/** Two logs and one descriptor: reading the second closes the first. */
async function closeFirst(t: TestContext) {
  const folder = makeFolder(t);
  const path = join(folder, 'app.log');
  writeFileSync(path, '');
  writeFileSync(join(folder, 'other.log'), '');
  const descriptors = new Descriptors(1);
  const log = follow(t, path, { descriptors });
  const other = follow(t, join(folder, 'other.log'), { descriptors });
  const before = Array.from({ length: 40 }, (_, at) => `2026-12-01 before ${at}`);
  appendFileSync(path, `${before.join('\n')}\n`);
  await log.got(40);
  // Until all looks after the opening are taken.
  await until(
    () => log.source.status().live && other.source.status().live,
    () => 'live',
  );
  appendFileSync(join(folder, 'other.log'), 'other\n');
  await other.got(1);
  assert.equal(descriptors.size, 1);
  return { path, log, before };
}

describe('a rotation loses nothing of a log that is closed, and gives nothing twice', () => {
  const rename = (path: string): void => {
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'new\n');
  };
  const kinds: Record<string, (path: string) => void> = {
    'by renaming': rename,
    'by renaming twice': (path) => {
      rename(path);
      renameSync(`${path}.1`, `${path}.2`);
    },
    'by renaming and compressing': (path) => {
      rename(path);
      writeFileSync(`${path}.1.gz`, gzipSync(readFileSync(`${path}.1`)));
      rmSync(`${path}.1`);
    },
    'by copying and emptying': (path) => {
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
      appendFileSync(path, 'new\n');
    },
  };
  for (const [name, rotate] of Object.entries(kinds)) {
    test(name, async (t) => {
      const { path, log, before } = await closeFirst(t);
      appendFileSync(path, 'unread\n');
      rotate(path);
      const lines = await log.got(42);
      appendFileSync(path, 'end\n');
      assert.deepEqual(await log.got(43), [...before, 'unread', 'new', 'end']);
      assert.equal(lines.length, 43);
      assert.equal(log.source.status().lostFiles, 0);
    });
  }

  test('written to under its rotated name', async (t) => {
    const { path, log, before } = await closeFirst(t);
    rename(path);
    await log.got(41);
    appendFileSync(`${path}.1`, 'late\n');
    assert.deepEqual(await log.got(42), [...before, 'new', 'late']);
  });
});

test('a log that was removed while it was closed is read anew', async (t) => {
  const { path, log, before } = await closeFirst(t);
  rmSync(path);
  writeFileSync(path, 'new\n');
  assert.deepEqual(await log.got(41), [...before, 'new']);
});
