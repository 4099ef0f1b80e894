import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { follow, makeFolder } from './following.ts';

describe('wake-ups by the kernel alone', () => {
  const never = { wakeUps: true, pollMs: 1_000_000 };

  test('tell of lines, of rotation, of the old file and of the target of a symlink', async (t) => {
    const folder = makeFolder(t);
    mkdirSync(join(folder, 'data'));
    const path = join(folder, 'app.log');
    writeFileSync(join(folder, 'data', 'one'), 'a1\n');
    symlinkSync('data/one', path);
    const log = follow(t, path, never);
    await log.got(1);
    appendFileSync(join(folder, 'data', 'one'), 'a2\n');
    await log.got(2);
    unlinkSync(path);
    const writer = openSync(path, 'a');
    writeSync(writer, 'b1\n');
    await log.got(3);
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'c1\n');
    await log.got(4);
    writeSync(writer, 'b2\n');
    closeSync(writer);
    await log.got(5);
    appendFileSync(path, 'c2\n');
    assert.deepEqual(await log.got(6), ['a1', 'a2', 'b1', 'c1', 'b2', 'c2']);
  });

  test('tell of a missing file that comes', async (t) => {
    const path = join(makeFolder(t), 'app.log');
    const log = follow(t, path, never);
    await new Promise((resolve) => setTimeout(resolve, 50));
    writeFileSync(path, 'a1\n');
    assert.deepEqual(await log.got(1), ['a1']);
  });
});
