import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { drain, follow, makeFolder, numbered, until } from './following.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

for (const wakeUps of [false, true]) {
  describe(wakeUps ? 'with wake-ups by the kernel' : 'polling', () => {
    test('lines come as they are written', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, 'before\n');
      const log = follow(t, path, { wakeUps, start: 'tail' });
      appendFileSync(path, 'one\ntwo\n');
      assert.deepEqual(await log.got(2), ['one', 'two']);
      appendFileSync(path, 'three\n');
      assert.deepEqual(await log.got(3), ['one', 'two', 'three']);
    });

    test('rotation by renaming: the old file is read to its end, then the new one from its start', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, '');
      const log = follow(t, path, { wakeUps });
      appendFileSync(path, 'a1\n');
      await log.got(1);
      appendFileSync(path, 'a2\n');
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'b1\n');
      assert.deepEqual(await log.got(3), ['a1', 'a2', 'b1']);
    });

    test('a writer that keeps the old file open after the rename is still heard', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      const writer = openSync(path, 'a');
      const log = follow(t, path, { wakeUps });
      writeSync(writer, 'a1\n');
      await log.got(1);
      renameSync(path, `${path}.1`);
      writeFileSync(path, 'b1\n');
      await log.got(2);
      writeSync(writer, 'late\n');
      assert.deepEqual(await log.got(3), ['a1', 'b1', 'late']);
      closeSync(writer);
    });

    test('copytruncate: the file is begun again', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, 'a1\na2\n');
      const log = follow(t, path, { wakeUps });
      await log.got(2);
      copyFileSync(path, `${path}.1`);
      truncateSync(path, 0);
      appendFileSync(path, 'b1\n');
      assert.deepEqual(await log.got(3), ['a1', 'a2', 'b1']);
      assert.equal(log.source.status().truncations, 1);
    });

    test('a symlink that is turned to another file', async (t) => {
      const folder = makeFolder(t);
      mkdirSync(join(folder, 'data'));
      const path = join(folder, 'current.log');
      writeFileSync(join(folder, 'data', 'one'), 'a1\n');
      writeFileSync(join(folder, 'data', 'two'), 'b1\n');
      symlinkSync('data/one', path);
      const log = follow(t, path, { wakeUps });
      await log.got(1);
      symlinkSync('data/two', `${path}.new`);
      renameSync(`${path}.new`, path);
      await log.got(2);
      appendFileSync(join(folder, 'data', 'two'), 'b2\n');
      assert.deepEqual(await log.got(3), ['a1', 'b1', 'b2']);
      // And back again: what was read of the first is not read twice.
      appendFileSync(join(folder, 'data', 'one'), 'a2\n');
      symlinkSync('data/one', `${path}.new`);
      renameSync(`${path}.new`, path);
      assert.deepEqual((await log.got(4))[3], 'a2');
    });

    test('a file that is missing is waited for, said once, and read from its start when it comes', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      const log = follow(t, path, { wakeUps, start: 'tail' });
      assert.equal(log.source.status().state, 'waiting');
      await new Promise((resolve) => setTimeout(resolve, 100));
      writeFileSync(path, 'first\n');
      assert.deepEqual(await log.got(1), ['first']);
      assert.deepEqual(log.said, [`info: ${path} does not exist, waiting for it`, `info: reading ${path}`]);
    });

    test('a file that vanishes and comes back as itself goes on, as another begins anew', async (t) => {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, 'a1\n');
      const log = follow(t, path, { wakeUps, drainMs: 50 });
      await log.got(1);
      renameSync(path, `${path}.away`);
      await until(
        () => log.source.isGone() || log.position().files.every((one) => one.done),
        'the file to be closed',
      );
      renameSync(`${path}.away`, path);
      appendFileSync(path, 'a2\n');
      assert.deepEqual(await log.got(2), ['a1', 'a2']);
      unlinkSync(path);
      writeFileSync(path, 'b1\n');
      assert.deepEqual(await log.got(3), ['a1', 'a2', 'b1']);
    });
  });
}

describe('what cannot be read', () => {
  test('a folder, a FIFO and a device are refused with a message, once', async (t) => {
    const folder = makeFolder(t);
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const [path, kind] of [
      [folder, 'a folder'],
      [fifo, 'a FIFO'],
      ['/dev/zero', 'a device'],
    ] as const) {
      const log = follow(t, path);
      for (let round = 0; round < 3; round++) assert.deepEqual(drain(log.source), []);
      assert.equal(log.source.status().state, 'refused');
      assert.deepEqual(log.said, [`error: cannot follow ${path}: it is ${kind}, not a file`]);
      log.close();
    }
    const log = follow(t, fifo);
    unlinkSync(fifo);
    writeFileSync(fifo, 'now a file\n');
    assert.deepEqual(await log.got(1), ['now a file']);
  });

  test('a file that may not be read is tried again, said once', (t) => {
    if (process.getuid?.() === 0) {
      const path = join(makeFolder(t), 'app.log');
      writeFileSync(path, 'secret\n');
      chmodSync(path, 0o600);
      chmodSync(join(path, '..'), 0o755);
      process.seteuid?.(65534);
      try {
        const log = follow(t, path);
        for (let round = 0; round < 3; round++) assert.deepEqual(drain(log.source), []);
        assert.deepEqual(log.said.slice(1), []);
        assert.match(log.said[0] ?? '', /^error: cannot open .*EACCES/);
        process.seteuid?.(0);
        assert.deepEqual(drain(log.source), ['secret']);
        assert.equal(log.said[1], `info: reading ${path}`);
      } finally {
        process.seteuid?.(0);
      }
      return;
    }
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'secret\n', { mode: 0 });
    const log = follow(t, path);
    assert.deepEqual(drain(log.source), []);
    chmodSync(path, 0o600);
    assert.deepEqual(drain(log.source), ['secret']);
  });

  test('a folder that is removed and made again is followed again', async (t) => {
    const folder = join(makeFolder(t), 'logs');
    mkdirSync(folder);
    const path = join(folder, 'app.log');
    writeFileSync(path, 'a1\n');
    const log = follow(t, path, { wakeUps: true });
    await log.got(1);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    writeFileSync(path, 'b1\n');
    assert.deepEqual(await log.got(2), ['a1', 'b1']);
  });
});

test('descriptors do not leak over two hundred rotations', (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'a\n');
  const before = openDescriptors();
  const log = follow(t, path, { pollMs: 100_000, drainMs: 0 });
  for (let at = 0; at < 200; at++) {
    appendFileSync(path, `${at}\n`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'a\n');
    drain(log.source, log.lines);
  }
  assert.equal(log.lines.length, 401);
  assert.ok(openDescriptors() <= before + 3, `${openDescriptors()} open, ${before} before`);
  log.close();
  assert.ok(openDescriptors() <= before);
});

describe('a file that opens and cannot be read', () => {
  test('is said once, left alone for longer each time, and read when it can be', async (t) => {
    const folder = makeFolder(t);
    const path = join(folder, 'app.log');
    symlinkSync('/proc/self/mem', path);
    const log = follow(t, path, { pollMs: 5 });
    drain(log.source);
    assert.equal(log.source.status().state, 'waiting');
    assert.match(log.source.status().trouble ?? '', /cannot read .*app\.log: EIO/);
    const begin = performance.now();
    await until(() => performance.now() - begin > 200, 'some polls');
    assert.equal(log.said.filter((text) => text.startsWith('error')).length, 1, log.said.join('\n'));
    writeFileSync(join(folder, 'good'), 'one\n');
    symlinkSync('good', join(folder, 'link'));
    renameSync(join(folder, 'link'), path);
    assert.deepEqual(await log.got(1), ['one']);
    assert.equal(log.source.status().trouble, null);
  });

  test('keeps its saved position until it can be read', (t) => {
    const folder = makeFolder(t);
    const path = join(folder, 'app.log');
    writeFileSync(path, numbered(0, 100));
    const first = follow(t, path);
    drain(first.source);
    const saved = first.position();
    first.close();
    renameSync(path, join(folder, 'good'));
    symlinkSync('/proc/self/mem', path);
    const { dev, ino } = statSync(path, { bigint: true });
    const files = saved.files.map((one) => ({ ...one, dev: String(dev), ino: String(ino) }));
    const position = { ...saved, files };
    const second = follow(t, path, { position, pollMs: 5 });
    assert.deepEqual(drain(second.source), []);
    assert.deepEqual(second.position(), position);
    assert.match(second.said.join(), /cannot read .*EIO/);
  });

  test('is no trouble where it stands beside the log', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 10));
    const log = follow(t, path, { pollMs: 100_000 });
    drain(log.source, log.lines);
    symlinkSync('/proc/self/mem', `${path}.1`);
    truncateSync(path, 0);
    appendFileSync(path, numbered(10, 12));
    assert.equal(drain(log.source, log.lines).length, 12);
  });
});

test('an unfinished line waits, until it is read', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'whole\nunfin');
  const log = follow(t, path);
  await log.got(1);
  const since = log.source.status().waitingSince;
  assert.ok(since !== null && Math.abs(since - Date.now() / 1000) < 60);
  appendFileSync(path, 'ished\n');
  await log.got(2);
  assert.equal(log.source.status().waitingSince, null);
});
