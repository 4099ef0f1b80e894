import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { files, removeFile, statOrNull, writeAll } from '../../src/base/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-files-'));
after(() => rmSync(folder, { recursive: true }));

test('writeAll() writes every byte, one call after the other', async () => {
  const path = join(folder, 'written');
  const fd = await files.open(path, 'w');
  await writeAll(fd, Buffer.alloc(300_000, 'a'));
  await writeAll(fd, Buffer.from('b'));
  await files.close(fd);
  assert.equal(readFileSync(path, 'utf8'), `${'a'.repeat(300_000)}b`);
});

test('removeFile() removes a file, and takes it as no error that there is none', async () => {
  const path = join(folder, 'gone');
  writeFileSync(path, '');
  await removeFile(path);
  assert.ok(!existsSync(path));
  await removeFile(path);
  await assert.rejects(removeFile(folder));
});

test('statOrNull() never throws: for what is missing, and for links in a circle', () => {
  symlinkSync('circle', join(folder, 'circle'));
  writeFileSync(join(folder, 'plain'), 'abc');
  for (const name of ['circle', 'circle/x', 'missing', 'plain/x'])
    assert.equal(statOrNull(join(folder, name)), null);
  assert.equal(statOrNull(join(folder, 'plain'))?.size, 3);
});
