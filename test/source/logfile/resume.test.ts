import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { drain, follow, makeFolder, numbered } from './following.ts';

describe('restarts', () => {
  test('lines written while it was closed come once', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 10));
    const first = follow(t, path);
    drain(first.source, first.lines);
    const position = first.position();
    first.close();
    appendFileSync(path, numbered(10, 20));
    const second = follow(t, path, { position });
    assert.equal(drain(second.source).join('\n'), numbered(10, 20).trimEnd());
  });

  for (const [name, rotate] of [
    ['.1', (path: string) => renameSync(path, `${path}.1`)],
    ['a date', (path: string) => renameSync(path, `${path}-20261121`)],
    [
      'a date before the extension',
      (path: string) => renameSync(path, path.replace('.log', '-20261121.log')),
    ],
    ['any other name', (path: string) => renameSync(path, join(path, '../elsewhere'))],
    [
      'a copy (copytruncate)',
      (path: string) => {
        copyFileSync(path, `${path}.1`);
        truncateSync(path, 0);
      },
    ],
  ] as const) {
    test(`rotated to ${name} meanwhile: its rest is read, then the new file`, (t) => {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, numbered(0, 100));
      const first = follow(t, path);
      drain(first.source, first.lines);
      const position = first.position();
      first.close();
      appendFileSync(path, numbered(100, 110));
      rotate(path);
      appendFileSync(path, numbered(110, 120));
      const second = follow(t, path, { position });
      assert.equal(drain(second.source).join('\n'), numbered(100, 120).trimEnd());
      const third = follow(t, path, { position: second.position() });
      assert.deepEqual(drain(third.source), []);
    });
  }

  test('rotated twice meanwhile, by renaming and by copying: nothing is lost', (t) => {
    for (const copying of [false, true]) {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, numbered(0, 100));
      const first = follow(t, path);
      drain(first.source, first.lines);
      const position = first.position();
      first.close();
      for (const from of [100, 110]) {
        appendFileSync(path, numbered(from, from + 10));
        if (from > 100) renameSync(`${path}.1`, `${path}.2`);
        if (copying) copyFileSync(path, `${path}.1`);
        else renameSync(path, `${path}.1`);
        writeFileSync(path, '');
      }
      appendFileSync(path, numbered(120, 125));
      const second = follow(t, path, { position });
      assert.equal(drain(second.source).join('\n'), numbered(100, 125).trimEnd());
    }
  });

  test('an inode number that was used again is not taken for the old file', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 100));
    const first = follow(t, path);
    drain(first.source, first.lines);
    const position = first.position();
    first.close();
    // The same inode with other contents is what a used-again number looks like.
    writeFileSync(path, numbered(500, 700));
    const second = follow(t, path, { position });
    assert.equal(drain(second.source).join('\n'), numbered(500, 700).trimEnd());
  });

  test('an old file that is still written to after the restart is heard', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 100));
    const first = follow(t, path);
    drain(first.source, first.lines);
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'new\n');
    drain(first.source, first.lines);
    const position = first.position();
    first.close();
    appendFileSync(`${path}.1`, 'late\n');
    const second = follow(t, path, { position });
    assert.deepEqual(drain(second.source), ['late']);
  });
});
