import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isIn, SYSTEM_PATH, safePath, weakPlace } from '../../src/base/programs.ts';

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-programs-'));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('isIn() looks into the folders of a PATH, and at an absolute path as it is', () => {
  assert.ok(isIn('/nowhere', '/bin/sh'));
  assert.ok(!isIn('/nowhere:/proc', 'sh'));
});

test('safePath() is the system list where PATH is missing, empty or holds nothing that is absolute', () => {
  for (const path of [undefined, '', ':', '.', 'bin:.', '/no/such/folder'])
    assert.equal(safePath(path), SYSTEM_PATH);
});

test('safePath() takes a folder below a sticky one, and leaves out one that others can write', () =>
  inFolder((folder) => {
    const own = join(folder, 'own');
    const open = join(folder, 'open');
    const below = join(open, 'below');
    mkdirSync(own, { mode: 0o755 });
    mkdirSync(below, { recursive: true });
    chmodSync(open, 0o777);
    assert.equal(safePath(`${open}:${below}:${own}:.:`), own);
    assert.deepEqual(weakPlace(below), { path: open, why: 'can be written by others' });
  }));

const noRoot = process.getuid?.() === 0 ? false : 'needs root';
test('safePath() leaves out what another user owns, a symbolic link too', { skip: noRoot }, () =>
  inFolder((folder) => {
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    chownSync(theirs, 65534, 65534);
    const link = join(theirs, 'link');
    symlinkSync('/usr/bin', link);
    assert.equal(safePath(`${theirs}:${link}:/usr/bin`), '/usr/bin');
    assert.match(weakPlace(theirs)?.why ?? '', /is owned by uid 65534/);
  }),
);
