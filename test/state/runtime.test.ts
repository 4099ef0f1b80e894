import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runtimePath, runtimePaths } from '../../src/state/runtime.ts';

test('runtimePath() is one file for one state, whatever link leads there, in a folder for this user alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-runtime-'));
  try {
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    const path = runtimePath(join(folder, 'real/state.json'), 'run');
    assert.equal(path, runtimePath(join(folder, 'link/state.json'), 'run'));
    assert.notEqual(path, runtimePath(join(folder, 'real/other.json'), 'run'));
    assert.ok(runtimePaths(join(folder, 'real/state.json'), 'run').includes(path));
    assert.equal(statSync(dirname(path)).uid, process.geteuid?.());
  } finally {
    rmSync(folder, { recursive: true });
  }
});
