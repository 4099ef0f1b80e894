import assert from 'node:assert/strict';
import { closeSync, copyFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileSearch, inodeKey, recover } from '../../../src/source/logfile/recover.ts';
import { drain, follow, makeFolder, numbered } from './following.ts';

/** A log of which a hundred lines were read, the mark of that, and a search for its rest. */
function readLog(t: TestContext) {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, numbered(0, 100));
  const log = follow(t, path);
  drain(log.source);
  const [mark] = log.position().files;
  assert.ok(mark !== undefined);
  log.close();
  const search = (more: Partial<FileSearch> = {}) => {
    const { found, lost, again } = recover({
      ...{ path, wanted: [mark], familiar: [mark], seen: Number.POSITIVE_INFINITY },
      ...{ taken: new Set<string>(), isFollowed: () => false, dateOf: () => null, original: null },
      ...{ packed: { born: 0, since: 0 }, takesPacked: true },
      ...more,
    });
    for (const { opened } of found) closeSync(opened.fd);
    const names = found.map((one) => `${one.path.slice(path.length)} from ${one.offset}`);
    return { names, lost: lost.map(({ text }) => text), again };
  };
  return { path, mark, search };
}

test('the rest of a renamed file is found by inode and fingerprint', (t) => {
  const { path, mark, search } = readLog(t);
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  assert.deepEqual(search(), { names: [`.1 from ${mark.offset}`], lost: [], again: false });
  assert.deepEqual(search({ taken: new Set([inodeKey(mark)]) }).names, []);
});

test('the rest of an emptied file is found in its copy; a copy that ends where reading did holds nothing new', (t) => {
  const { path, mark, search } = readLog(t);
  writeFileSync(`${path}.1`, numbered(0, 110));
  truncateSync(path, 0);
  assert.deepEqual(search().names, [`.1 from ${mark.offset}`]);
  const { path: other, search: again } = readLog(t);
  copyFileSync(other, `${other}.1`);
  truncateSync(other, 0);
  assert.deepEqual(again().lost, []);
});

test('what cannot be found is told, and a compressed file that may hold it is named', (t) => {
  const { path, mark, search } = readLog(t);
  unlinkSync(path);
  assert.match(
    search().lost.join(),
    new RegExp(`read up to byte ${mark.offset} is gone; what it held behind`),
  );
  writeFileSync(`${path}.1.gz`, 'packed');
  assert.match(search({ seen: 0 }).lost.join(), /app\.log\.1\.gz may hold its rest/);
});

test('files that came and went since are read from their start, unless another source follows them', (t) => {
  const { path, search } = readLog(t);
  writeFileSync(`${path}.2`, numbered(200, 210));
  writeFileSync(`${path}.1`, numbered(210, 220));
  writeFileSync(join(path, '../other'), 'x\n');
  const wanted = { wanted: [], seen: 0 };
  assert.deepEqual(search(wanted).names, ['.2 from 0', '.1 from 0']);
  assert.deepEqual(search({ ...wanted, isFollowed: (one) => one.endsWith('.1') }).names, ['.2 from 0']);
});
