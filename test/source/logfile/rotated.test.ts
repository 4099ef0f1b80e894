import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { drain, follow, makeFolder, numbered } from './following.ts';

describe('what is between two looks', () => {
  test('three rotations unseen lose nothing, in order', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'a1\n');
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    for (const letter of ['b', 'c', 'd']) {
      for (const step of [3, 2, 1]) {
        try {
          renameSync(`${path}.${step}`, `${path}.${step + 1}`);
        } catch {}
      }
      appendFileSync(path, `${letter}0\n`);
      renameSync(path, `${path}.1`);
      writeFileSync(path, `${letter}1\n`);
    }
    assert.deepEqual(drain(log.source, log.lines), ['a1', 'b0', 'b1', 'c0', 'c1', 'd0', 'd1']);
  });

  test('truncated and grown beyond the old size is seen by its bytes', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 10));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    writeFileSync(path, numbered(100, 150));
    drain(log.source, log.lines);
    assert.equal(log.lines.join('\n'), (numbered(0, 10) + numbered(100, 150)).trimEnd());
  });

  test('copytruncate with an unread rest: the rest is read from the copy', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 10));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    appendFileSync(path, numbered(10, 20));
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    appendFileSync(path, numbered(20, 25));
    drain(log.source, log.lines);
    assert.equal(log.lines.join('\n'), numbered(0, 25).trimEnd());
  });

  test('a file rewritten under a new inode goes on where it was', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 100));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    copyFileSync(path, `${path}.tmp`);
    renameSync(`${path}.tmp`, path);
    appendFileSync(path, numbered(100, 105));
    drain(log.source, log.lines);
    assert.equal(log.lines.join('\n'), numbered(0, 105).trimEnd());
  });

  test('a copy that somebody made beside the log is not read', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 100));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    copyFileSync(path, `${path}.2`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, numbered(100, 105));
    drain(log.source, log.lines);
    assert.equal(log.lines.join('\n'), numbered(0, 105).trimEnd());
  });
});
