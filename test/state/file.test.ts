import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MachineError } from '../../src/base/errors.ts';
import { loadState, previousPath, saveState } from '../../src/state/file.ts';
import { addBan, emptyState } from '../../src/state/state.ts';

async function inFolder(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-state-'));
  try {
    await work(join(folder, 'state.json'), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const banned = (id: string) => {
  const state = emptyState();
  addBan(state, 'sshd', id, {
    at: 1,
    until: null,
    failures: 1,
    count: 1,
    origin: 'log',
    matches: [],
    pending: null,
  });
  return state;
};
const idsIn = (path: string): string[] => [
  ...(loadState(path, false).state.jails.get('sshd')?.bans.keys() ?? []),
];

test('saveState() replaces the file, mode 0600, and keeps the one before it', () =>
  inFolder(async (path, folder) => {
    await saveState(path, banned('192.0.2.1'), 1);
    await saveState(path, banned('192.0.2.2'), 2);
    assert.deepEqual(idsIn(path), ['192.0.2.2']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(readFileSync(previousPath(path), 'utf8'), /192\.0\.2\.1/);
    assert.deepEqual(readdirSync(folder).sort(), ['state.json', 'state.json.previous']);
  }));

test('loadState() sets a damaged file aside, says so, and goes on with the previous one', () =>
  inFolder(async (path, folder) => {
    await saveState(path, banned('192.0.2.1'), 1);
    await saveState(path, banned('192.0.2.2'), 2);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 30));
    const { state, warnings } = loadState(path, true);
    assert.deepEqual([...(state.jails.get('sshd')?.bans.keys() ?? [])], ['192.0.2.1']);
    assert.match(warnings.join('\n'), /damaged.*\n.*set aside as .*state\.json\.damaged-1\n.*previous/);
    assert.ok(readdirSync(folder).includes('state.json.damaged-1'));
  }));

test('loadState() begins with nothing when there is no earlier file, and says so when one was damaged', () =>
  inFolder(async (path) => {
    assert.deepEqual(loadState(path, true), { state: emptyState(), warnings: [] });
    writeFileSync(path, '');
    assert.match(loadState(path, true).warnings.join('\n'), /it is empty[\s\S]*starting with nothing/);
  }));

test('loadState() refuses a newer version and leaves it as it is', () =>
  inFolder(async (path) => {
    writeFileSync(path, '{"version": 99}');
    assert.throws(
      () => loadState(path, true),
      (error) => error instanceof MachineError && /version 99/.test(error.message),
    );
    assert.equal(readFileSync(path, 'utf8'), '{"version": 99}');
  }));

test('saveState() leaves the old file when the folder cannot be written', () =>
  inFolder(async (path) => {
    await saveState(path, banned('192.0.2.1'), 1);
    const gone = join(path, 'state.json');
    await assert.rejects(saveState(gone, banned('192.0.2.2'), 2), MachineError);
    assert.deepEqual(idsIn(path), ['192.0.2.1']);
  }));

test(
  'saveState() leaves the old file when the disk is full',
  { skip: process.getuid?.() !== 0 && 'not root: cannot mount' },
  () =>
    inFolder(async (_, folder) => {
      const { spawnSync } = await import('node:child_process');
      const script = `mount -t tmpfs -o size=64k tmpfs "$1" && exec "$2" "$3" "$1"`;
      const run = spawnSync(
        'unshare',
        [
          '-m',
          'sh',
          '-c',
          script,
          'sh',
          folder,
          process.execPath,
          join(import.meta.dirname, '../testbed/fulldisk.ts'),
        ],
        { encoding: 'utf8' },
      );
      assert.equal(run.stdout, 'refused: ENOSPC, still there: 192.0.2.1, files: state.json\n', run.stderr);
    }),
);
