import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { readAt } from '../../../src/source/logfile/openfile.ts';
import { unpack } from '../../../src/source/logfile/unpack.ts';
import { unlessFound } from '../../testbed/need.ts';
import { makeFolder, numbered } from './following.ts';

const TEXT = numbered(0, 5000);

/** What a file of these bytes holds, or why it cannot be unpacked. */
function unpacked(t: TestContext, name: string, bytes: Uint8Array): string {
  const folder = makeFolder(t);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  const one = unpack(fd, path);
  closeSync(fd);
  assert.deepEqual(readdirSync(folder), [name]);
  if (one.fd === null) return `${one.trouble} [${one.size}]`;
  const text = readAt(one.fd, 0, TEXT.length + 1).toString();
  closeSync(one.fd);
  return text;
}

test('unpack() takes .gz and .zst, several members in a row as well', (t) => {
  const halves = [TEXT.slice(0, 999), TEXT.slice(999)].map((one) => gzipSync(one));
  assert.equal(unpacked(t, 'app.log.1.gz', Buffer.concat(halves)), TEXT);
  assert.equal(unpacked(t, 'app.log.1.zst', zstdCompressSync(TEXT)), TEXT);
});

for (const [ending, program] of [
  ['xz', 'xz'],
  ['bz2', 'bzip2'],
] as const) {
  test(`unpack() takes .${ending} by ${program}(1), whose complaint it tells`, {
    skip: unlessFound(program),
  }, (t) => {
    const { stdout } = spawnSync(program, ['-c'], { input: TEXT });
    assert.equal(unpacked(t, `app.log.1.${ending}`, stdout), TEXT);
    assert.match(
      unpacked(t, `app.log.1.${ending}`, Buffer.from('no')),
      new RegExp(`^it cannot be unpacked: ${program}: `),
    );
  });
}

test('unpack() tells why not, and the size where it is known', (t) => {
  const packed = gzipSync(TEXT);
  packed.writeUInt8(0xff, 20);
  assert.match(unpacked(t, 'a.gz', packed), new RegExp(`^it cannot be unpacked: .*\\[${TEXT.length}\\]$`));
  assert.match(
    unpacked(t, 'a.lz4', packed),
    /^it cannot be unpacked: no program is known for \.lz4 \[null\]$/,
  );
  const huge = gzipSync('x');
  huge.writeUInt32LE(0x7fffffff, huge.length - 4);
  assert.equal(unpacked(t, 'a.gz', huge), `it is too large to be unpacked [${0x7fffffff}]`);
});
