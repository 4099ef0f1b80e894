import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openPlain } from '../../../src/source/logfile/descriptors.ts';
import { RAW } from '../../../src/source/logfile/encoding.ts';
import { beginsLike, fits, isTelling, OpenFile } from '../../../src/source/logfile/openfile.ts';
import { LINE_CAP } from '../../../src/source/source.ts';
import { drain, follow, makeFolder, numbered } from './following.ts';

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
});

test('a mark fits the file it was made on, grown or renamed, and no other', (t) => {
  const folder = makeFolder(t);
  const open = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    const file = new OpenFile(openPlain(join(folder, name)), RAW, 0);
    t.after(() => file.close());
    return file;
  };
  const file = open('app.log', numbered(0, 50));
  while (file.read(1024, 0, 0).kind === 'lines');
  const mark = file.mark();
  appendFileSync(join(folder, 'app.log'), numbered(50, 60));
  assert.ok(fits(file.fd, mark));
  assert.ok(isTelling(mark) && mark.offset === numbered(0, 50).length);
  assert.ok(fits(open('copy', numbered(0, 70)).fd, mark));
  assert.ok(!fits(open('short', numbered(0, 49)).fd, mark));
  assert.ok(!fits(open('other', numbered(1, 70)).fd, mark));
  assert.ok(beginsLike(open('shorter', numbered(0, 3)).fd, mark), 'known by its first line');
  assert.ok(!beginsLike(open('late', numbered(3, 6)).fd, mark));
});

test('a mark of commit 731642d, whose fingerprints are SHA-1, fits the file that it was made on', (t) => {
  const path = join(makeFolder(t), 'slow.log');
  const line = (ip: string) => `2026-11-30T22:56:58+00:00 srv app: fail user=r\u00f6\u00f6t from ${ip}\n`;
  writeFileSync(path, line('192.0.2.40') + line('2001:db8::40'));
  const { fd } = openPlain(path);
  t.after(() => closeSync(fd));
  const mark = {
    ...{ dev: '65024', ino: '819415', offset: 138, skip: false, done: false },
    ...{ head: '6349d0bd92b48491', first: '8cee2317cfffe9d4', tail: 'de1fe3baade275f9' },
  };
  assert.ok(fits(fd, mark));
  assert.ok(!fits(fd, { ...mark, tail: mark.head }));
});
