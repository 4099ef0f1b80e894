import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
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

test('runtimePaths() leaves out a folder that others made, or can write: its lock and socket are not ours', () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-runtime-'));
  const before = process.env['TMPDIR'];
  try {
    process.env['TMPDIR'] = folder;
    const own = join(folder, `f2b-${process.geteuid?.()}`);
    const isIn = (): boolean =>
      runtimePaths('/nowhere/state.json', 'run').some((one) => one.startsWith(`${own}/`));
    assert.ok(!isIn(), 'it is not there');
    mkdirSync(own, { mode: 0o700 });
    assert.ok(isIn());
    chmodSync(own, 0o777);
    assert.ok(!isIn(), 'others can write it');
    chmodSync(own, 0o700);
    if (process.geteuid?.() === 0) {
      chownSync(own, 65_534, 65_534);
      assert.ok(!isIn(), 'it belongs to another user');
    }
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(folder, { recursive: true });
  }
});
