import assert from 'node:assert/strict';
import { closeSync, copyFileSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { followNuls } from '../../../src/source/logfile/nuls.ts';
import { drain, follow, makeFolder, numbered } from './following.ts';

const MB = 1024 * 1024;

/** A file that begins with a hole, and the writer without O_APPEND that made it. */
function makeHole(t: TestContext, length: number) {
  const path = join(makeFolder(t), 'app.log');
  const fd = openSync(path, 'w');
  t.after(() => closeSync(fd));
  let at = length;
  const write = (text: string): void => {
    at += writeSync(fd, text, at);
  };
  return { path, write };
}

test('followNuls() tells where the text begins, and where the file ends without any', (t) => {
  const { path, write } = makeHole(t, 3 * MB + 7);
  write('x');
  const fd = openSync(path, 'r');
  t.after(() => closeSync(fd));
  assert.deepEqual(followNuls(fd, 5, 9 * MB), { at: 3 * MB + 7, isText: true, isEnd: false });
  assert.deepEqual(followNuls(fd, 5, MB), { at: MB + 5, isText: false, isEnd: false });
  truncateSync(path, 2 * MB);
  assert.deepEqual(followNuls(fd, 0, 9 * MB), { at: 2 * MB, isText: false, isEnd: true });
});

describe('a log that was emptied under a writer without O_APPEND', () => {
  test('is heard again behind its hole, in small reads too, and the NULs are counted', (t) => {
    const { path, write } = makeHole(t, 0);
    write(numbered(0, 300_000));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines, 1024);
    for (const at of [0, 1, 2]) {
      truncateSync(path, 0);
      write(numbered(300_000 + at, 300_001 + at));
      drain(log.source, log.lines, 1024);
    }
    assert.equal(log.lines.join('\n'), numbered(0, 300_003).trimEnd());
    const { skippedBytes, lag, truncations } = log.source.status();
    assert.equal(
      skippedBytes,
      [0, 1, 2].reduce((sum, at) => sum + numbered(0, 300_000 + at).length, 0),
    );
    assert.deepEqual([lag, truncations], [0, 3]);
  });

  test('goes on where it was after a restart, and its copy is known by its text', (t) => {
    const { path, write } = makeHole(t, 5 * MB);
    write(numbered(0, 100));
    const first = follow(t, path);
    drain(first.source, first.lines);
    const position = first.position();
    first.close();
    assert.equal(position.files[0]?.base, 5 * MB);
    write(numbered(100, 110));
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    write(numbered(110, 120));
    const second = follow(t, path, { position });
    assert.equal(drain(second.source).join('\n'), numbered(100, 120).trimEnd());
    assert.deepEqual(drain(follow(t, path, { position: second.position() }).source), []);
  });

  test('copied and emptied twice between two looks gives the lines of both copies', async (t) => {
    const { path, write } = makeHole(t, 0);
    write(numbered(0, 1000));
    const log = follow(t, path);
    await log.got(1000);
    truncateSync(path, 0);
    write(numbered(1000, 1001));
    await log.got(1001);
    write(numbered(1001, 1100));
    copyFileSync(path, `${path}.2`);
    truncateSync(path, 0);
    write(numbered(1100, 1200));
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    write(numbered(1200, 1300));
    const lines = await log.got(1300);
    assert.deepEqual([...lines].sort().join('\n'), numbered(0, 1300).trimEnd());
  });

  test('is begun at the time that matters at the first start', (t) => {
    const { path, write } = makeHole(t, 5 * MB);
    for (let at = 0; at < 100; at++) write(`${1000 + at} line\n`);
    const dateOf = (line: string) => Number(/^\d+/.exec(line)?.[0] ?? 'x');
    const log = follow(t, path, { start: 'catchup', since: 1090 + 60, dateOf });
    assert.equal(drain(log.source).length, 10);
  });
});

test('a hole of gigabytes is passed over in pieces', (t) => {
  const { path, write } = makeHole(t, 1024 * MB);
  write('after\n');
  const log = follow(t, path, { pollMs: 100_000 });
  let pieces = 0;
  const lines: string[] = [];
  for (let batch = log.source.read(8192); batch !== null; batch = log.source.read(8192)) {
    if (batch.end > batch.start) lines.push(batch.bytes.toString('utf8', batch.start, batch.end));
    pieces++;
  }
  assert.deepEqual(lines, ['after\n']);
  assert.ok(pieces >= 16, `${pieces} reads`);
});

test('NULs that end the file do not wait to be read, and are looked through once', (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'one\n');
  truncateSync(path, 64 * MB);
  const log = follow(t, path);
  drain(log.source, log.lines);
  drain(log.source, log.lines);
  assert.equal(log.source.status().lag, 0);
  writeFileSync(path, 'one\ntwo\n', { flag: 'r+' });
  assert.deepEqual(drain(log.source, log.lines), ['one', 'two']);
  truncateSync(path, 16 * MB);
  const fd = openSync(path, 'r+');
  writeSync(fd, 'three\n', 16 * MB);
  closeSync(fd);
  assert.deepEqual(drain(log.source, log.lines), ['one', 'two', 'three']);
});

test('UTF-16 goes on behind NULs as well', (t) => {
  for (const encoding of ['utf-16le', 'utf-16be']) {
    const { path, write } = makeHole(t, 0);
    const put = (text: string): void => {
      const bytes = Buffer.from(text, 'utf16le');
      write((encoding === 'utf-16be' ? bytes.swap16() : bytes).toString('latin1'));
    };
    put(numbered(0, 9000));
    const log = follow(t, path, { encoding });
    drain(log.source, log.lines);
    truncateSync(path, 0);
    put(numbered(9000, 9001));
    assert.equal(drain(log.source, log.lines).join('\n'), numbered(0, 9001).trimEnd());
  }
});
