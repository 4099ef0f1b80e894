import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import { diskTree } from '../../src/config/tree.ts';

/** What a configuration warns of once `change` was made to its folder. */
function warnings(change: (folder: string) => void): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-owners-'));
  try {
    for (const name of ['jail.d', 'filter.d']) mkdirSync(join(folder, name), { mode: 0o755 });
    writeFileSync(join(folder, 'jail.local'), '[t]\nenabled = true\nlogpath = /x\n', { mode: 0o644 });
    writeFileSync(join(folder, 'filter.d/t.conf'), '[Definition]\nfailregex = ^x <HOST>$\n', { mode: 0o644 });
    change(folder);
    const { problems } = loadConfig(diskTree(folder));
    return problems
      .map(formatProblem)
      .filter((text) => text.includes('run commands'))
      .map((text) => text.replace(folder, ''));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a configuration that only its owner can write is not warned of', () => {
  assert.deepEqual(
    warnings(() => undefined),
    [],
  );
});

test('files and folders that others can write are named, each once', () => {
  const told = warnings((folder) => {
    chmodSync(join(folder, 'jail.d'), 0o777);
    chmodSync(join(folder, 'filter.d/t.conf'), 0o666);
  });
  assert.deepEqual(told.sort(), [
    '/filter.d/t.conf: can be written by others, who may so have f2b run commands',
    '/jail.d: can be written by others, who may so have f2b run commands',
  ]);
  const parent = warnings((folder) => chmodSync(folder, 0o777));
  assert.deepEqual(parent, [': can be written by others, who may so have f2b run commands']);
});

const noRoot = process.getuid?.() === 0 ? false : 'needs root';
test('so is what belongs to another user', { skip: noRoot }, () => {
  const told = warnings((folder) => chownSync(join(folder, 'jail.local'), 65534, 65534));
  assert.deepEqual(told, ['/jail.local: is owned by uid 65534, who may so have f2b run commands']);
});
