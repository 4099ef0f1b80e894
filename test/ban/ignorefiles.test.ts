import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ignoredBy, makeIgnoreList } from '../../src/ban/ignore.ts';
import { IgnoreFiles } from '../../src/ban/ignorefiles.ts';

function inFolder(work: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-ignore-'));
  try {
    work(join(folder, 'list'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a list is read again only when it changed, and those who look it up see that', () =>
  inFolder((path) => {
    writeFileSync(path, '192.0.2.7\n');
    const files = new IgnoreFiles();
    const { part, trouble } = files.open(path);
    assert.equal(trouble, null);
    assert.equal(files.open(path).part, part, 'jails share it');
    const list = makeIgnoreList([], undefined, { files: [part] });
    assert.equal(ignoredBy(list, '192.0.2.7'), 'ip');
    assert.equal(ignoredBy(list, '192.0.2.0/24'), 'ip');
    assert.deepEqual(files.refresh(), []);
    writeFileSync(`${path}.new`, '198.51.100.0/24 2001:db8::1,2001:db8::2 # two\n');
    renameSync(`${path}.new`, path);
    assert.deepEqual(files.refresh(), [{ path, count: 3, trouble: null }]);
    assert.deepEqual(files.refresh(), []);
    assert.equal(ignoredBy(list, '192.0.2.7'), null);
    assert.equal(ignoredBy(list, '198.51.100.7'), 'ip');
    assert.equal(ignoredBy(list, '2001:db8::/64'), 'ip');
  }));

test('a list that is broken or gone keeps what it had, and says so once', () =>
  inFolder((path) => {
    const files = new IgnoreFiles();
    const { part, trouble } = files.open(path);
    assert.match(trouble ?? '', /^cannot read .*list: ENOENT$/);
    writeFileSync(path, '192.0.2.7\n');
    assert.deepEqual(files.refresh(), [{ path, count: 1, trouble: null }]);
    writeFileSync(path, '192.0.2.8\nexample org\n');
    const bad = `${path}:2: "example" is not an address or network`;
    assert.deepEqual(files.refresh(), [{ path, count: null, trouble: bad }]);
    writeFileSync(path, '192.0.2.99\nexample\n');
    assert.deepEqual(files.refresh(), []);
    assert.deepEqual([...part.addresses], ['192.0.2.7']);
    rmSync(path);
    assert.match(files.refresh()[0]?.trouble ?? '', /ENOENT/);
    assert.deepEqual([...part.addresses], ['192.0.2.7']);
  }));

test('a list with a mistake when it is first read counts as far as it can be read', () =>
  inFolder((path) => {
    writeFileSync(path, '192.0.2.7\n300.1.1.1\n192.0.2.8\n');
    const { part, trouble } = new IgnoreFiles().open(path);
    assert.match(trouble ?? '', /list:2: "300\.1\.1\.1" is not/);
    assert.deepEqual([...part.addresses], ['192.0.2.7', '192.0.2.8']);
  }));
