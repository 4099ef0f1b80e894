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
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isRotatedName } from '../../../src/source/logfile/siblings.ts';
import { LINE_CAP } from '../../../src/source/source.ts';
import { drain, follow, makeFolder, until } from './following.ts';

const numbered = (from: number, to: number, width = 8): string => {
  let text = '';
  for (let at = from; at < to; at++) text += `line ${String(at).padStart(width, '0')}\n`;
  return text;
};

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

test('rotated names are told from others', () => {
  const names =
    'app.log.1 app.log-20261121 app.log-2026112105.backup app-20261121.log app.log.old app.log.2.gz app.1.log app.log20261121';
  for (const name of names.split(' ')) assert.ok(isRotatedName('app.log', name), name);
  for (const name of 'app.log app.log.bak app.log.err other.log.1 app.logx app-error.log app2.log app-2.log app.log2'.split(
    ' ',
  )) {
    assert.ok(!isRotatedName('app.log', name), name);
  }
});

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

  test('rotated and compressed meanwhile: said, counted, and the new file is read', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, numbered(0, 100));
    const first = follow(t, path);
    drain(first.source, first.lines);
    const position = first.position();
    first.close();
    unlinkSync(path);
    writeFileSync(`${path}.1.gz`, gzipSync(numbered(0, 110)));
    writeFileSync(path, numbered(110, 120));
    const second = follow(t, path, { position });
    assert.equal(drain(second.source).join('\n'), numbered(110, 120).trimEnd());
    assert.equal(second.source.status().lostFiles, 1);
    assert.match(
      second.said.join('\n'),
      /app\.log\.1\.gz may hold its rest, but a compressed file cannot be continued/,
    );
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

describe('the first start', () => {
  const dateOf = (line: string): number | null => {
    const found = /^(\d+) /.exec(line);
    return found === null ? null : Number(found[1]);
  };

  test('catches up from the given time by halving, not from the start', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const parts: string[] = [];
    for (let at = 0; at < 200_000; at++) parts.push(`${1_000_000 + at} user ${at} came\n\tundated\n`);
    writeFileSync(path, parts.join(''));
    let asked = 0;
    const counting = (line: string): number | null => {
      asked++;
      return dateOf(line);
    };
    const log = follow(t, path, { start: 'catchup', since: 1_199_000, dateOf: counting });
    const lines = drain(log.source);
    assert.equal(lines[0], '1198940 user 198940 came');
    assert.equal(lines.length, 2 * (200_000 - 198_940));
    assert.ok(asked < 10_000, `${asked} dates were read`);
  });

  test('a date that is not told at the first questions, as nothing is compiled yet, is no line without a date', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '200 a\n');
    let asked = 0;
    const hesitant = (line: string): number | null => (++asked <= 3 ? null : dateOf(line));
    const log = follow(t, path, { start: 'catchup', since: 200, dateOf: hesitant });
    assert.deepEqual(drain(log.source), ['200 a']);
  });

  test('catching up is not live, what comes after it is', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '100 a\n200 b\n');
    const log = follow(t, path, { start: 'catchup', since: 200, dateOf });
    const first = log.source.read(65536);
    assert.equal(first?.live, false);
    drain(log.source);
    appendFileSync(path, '300 c\n');
    assert.equal(log.source.read(65536)?.live, true);
  });

  test('a log without dates is begun at its end, except its unfinished line', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'a\nb\nunfin');
    const log = follow(t, path, { start: 'catchup', since: 1, dateOf: () => null });
    assert.deepEqual(drain(log.source), []);
    appendFileSync(path, 'ished\n');
    assert.deepEqual(drain(log.source), ['unfinished']);
  });

  test('head reads it all, tail none of it', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '100 a\n');
    assert.deepEqual(drain(follow(t, path, { start: 'head', since: 900, dateOf }).source), ['100 a']);
    assert.deepEqual(drain(follow(t, path, { start: 'tail', since: 0, dateOf }).source), []);
  });

  test('after a long pause a large backlog is searched, too', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '1 begin\n');
    const first = follow(t, path, { dateOf });
    drain(first.source);
    const position = first.position();
    first.close();
    const filler = 'x'.repeat(990);
    const parts: string[] = [];
    for (let at = 2; at < 20_000; at++) parts.push(`${at} ${filler}\n`);
    appendFileSync(path, parts.join(''));
    const second = follow(t, path, { position, since: 19_000, dateOf });
    const lines = drain(second.source);
    assert.equal(lines[0]?.slice(0, 6), '18940 ');
    assert.equal(lines.length, 20_000 - 18_940);
  });
});

describe('lines', () => {
  test('an unfinished line is kept until its newline', async (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'whole\nhal');
    const log = follow(t, path);
    await log.got(1);
    appendFileSync(path, 'f\n');
    assert.deepEqual(await log.got(2), ['whole', 'half']);
  });

  test('an unfinished line is handed out after its time limit, and its rest is skipped', async (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'whole\nhal');
    const log = follow(t, path, { partialMs: 60 });
    assert.deepEqual(await log.got(2), ['whole', 'hal']);
    const position = log.position();
    appendFileSync(path, 'f 192.0.2.1\nnext\n');
    assert.deepEqual(await log.got(3), ['whole', 'hal', 'next']);
    assert.equal(log.source.status().cutLines, 1);
    assert.equal(log.source.status().skippedBytes, 'f 192.0.2.1'.length);
    assert.deepEqual(drain(follow(t, path, { position }).source), ['next'], 'also over a restart');
  });

  test('a line of any length is cut at the cap, in bounded memory, and what follows is whole', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const fd = openSync(path, 'a');
    writeSync(fd, 'before\n');
    const piece = Buffer.alloc(1 << 20, 'x');
    for (let at = 0; at < 64; at++) writeSync(fd, piece);
    writeSync(fd, `\nafter\n${'y'.repeat(LINE_CAP - 1)}\n${'z'.repeat(LINE_CAP)}\nend\n`);
    closeSync(fd);
    const log = follow(t, path);
    const lengths = drain(log.source).map((line) => line.length);
    assert.deepEqual(lengths, [6, LINE_CAP, 5, LINE_CAP - 1, LINE_CAP, 3]);
    assert.equal(log.source.status().cutLines, 2);
    assert.equal(log.source.status().skippedBytes, 64 * (1 << 20) - LINE_CAP);
  });

  test('small reads give the same lines as large ones', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const text = `${'a'.repeat(5000)}\nb\n${'c'.repeat(LINE_CAP + 5)}\n${'d'.repeat(1023)}\n${'e'.repeat(1024)}\n\nf\n`;
    writeFileSync(path, text);
    assert.deepEqual(drain(follow(t, path).source, [], 1), drain(follow(t, path).source));
  });

  test('CR before a newline, a byte-order mark and runs of NUL are taken out', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const nuls = Buffer.alloc(300_000);
    writeFileSync(
      path,
      Buffer.concat([Buffer.from('\ufeffone\r\ntwo\rx\r\n\0\0three\n'), nuls, Buffer.from('four\n')]),
    );
    assert.deepEqual(drain(follow(t, path).source), ['one', 'two\rx', 'three', 'four']);
  });

  test('the hole that a writer without O_APPEND leaves after copytruncate is passed over', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const fd = openSync(path, 'w');
    writeSync(fd, numbered(0, 20_000));
    const log = follow(t, path);
    drain(log.source, log.lines);
    truncateSync(path, 0);
    writeSync(fd, 'after\n');
    closeSync(fd);
    assert.equal(drain(log.source, log.lines).length, 20_001);
    assert.equal(log.lines.at(-1), 'after');
  });

  test('NULs at the end may be written over, so they are waited for', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, Buffer.concat([Buffer.from('one\n'), Buffer.alloc(4096)]));
    const log = follow(t, path);
    assert.deepEqual(drain(log.source, log.lines), ['one']);
    const fd = openSync(path, 'r+');
    writeSync(fd, 'two\n', 4);
    closeSync(fd);
    assert.deepEqual(drain(log.source, log.lines), ['one', 'two']);
  });

  test('bytes that are no UTF-8 come as they are', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const bytes = Buffer.from([0x61, 0xff, 0xfe, 0x80, 0x0a]);
    writeFileSync(path, bytes);
    const batch = follow(t, path).source.read(65536);
    assert.deepEqual(batch?.bytes.subarray(batch.start, batch.end), bytes);
  });

  test('other encodings come as UTF-8', (t) => {
    const folder = makeFolder(t);
    const cases: [string, string, Buffer][] = [
      ['latin-1', 'Jos\u00e9', Buffer.from('Jos\u00e9\n', 'latin1')],
      ['cp1252', '\u20ac', Buffer.from([0x80, 0x0a])],
      ['koi8-r', '\u043f\u0440', Buffer.from([0xd0, 0xd2, 0x0a])],
      ['shift_jis', '\u8868', Buffer.from([0x95, 0x5c, 0x0a])],
      ['utf-16-le', 'h\u010a\u0a0dx', Buffer.from('h\u010a\u0a0dx\r\n', 'utf16le')],
      ['utf_16_be', 'h\u010a\u0a0dx', Buffer.from('h\u010a\u0a0dx\n', 'utf16le').swap16()],
      ['auto', 'marked\u00e9', Buffer.from('\ufeffmarked\u00e9\r\n', 'utf16le')],
    ];
    for (const [encoding, text, bytes] of cases) {
      const path = join(folder, `${encoding}.log`);
      const twice =
        encoding === 'auto' ? Buffer.concat([bytes, bytes.subarray(2)]) : Buffer.concat([bytes, bytes]);
      writeFileSync(path, twice);
      const log = follow(t, path, { encoding });
      assert.deepEqual(drain(log.source), [text, text], encoding);
      const again = follow(t, path, { encoding, position: log.position() });
      appendFileSync(path, bytes.subarray(encoding === 'auto' ? 2 : 0));
      assert.deepEqual(drain(again.source), [text], `${encoding} after a restart`);
    }
  });

  test('a long line and an unfinished one in UTF-16 are cut between characters', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, Buffer.from(`\ufeff${'\u0a61'.repeat(LINE_CAP)}\nend\n`, 'utf16le'));
    const lines = drain(follow(t, path).source);
    assert.equal(lines[0], '\u0a61'.repeat(LINE_CAP / 2));
    assert.equal(lines[1], 'end');
  });

  test('an unknown encoding is said, and the bytes come as they are', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'a\n');
    const log = follow(t, path, { encoding: 'klingon' });
    assert.deepEqual(drain(log.source), ['a']);
    assert.deepEqual(log.said, [`warning: ${path}: unknown encoding klingon, reading as auto`]);
  });
});

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
