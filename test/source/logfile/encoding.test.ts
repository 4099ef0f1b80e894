import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cleanLines, codecOf, firstLineEnd, lastLineEnd } from '../../../src/source/logfile/encoding.ts';
import { LINE_CAP } from '../../../src/source/source.ts';
import { drain, follow, makeFolder } from './following.ts';

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

test('codecOf() knows the names of Python and of the WHATWG', () => {
  const names = ['auto', 'UTF-8', 'us-ascii', 'latin-1', 'cp1252', 'ISO8859-15', 'utf_16_le', 'klingon'];
  assert.deepEqual(
    names.map((name) => codecOf(name)?.name),
    ['raw', 'raw', 'raw', 'iso-8859-1', 'windows-1252', 'iso-8859-15', 'utf-16le', undefined],
  );
});

test('firstLineEnd() and lastLineEnd() take no half of a UTF-16 character for a newline', () => {
  const codec = codecOf('utf-16-le');
  assert.ok(codec !== null);
  const bytes = Buffer.from('\u0a00\u000ax\ny', 'utf16le');
  assert.equal(firstLineEnd(codec, bytes, 0, bytes.length), 4);
  assert.equal(lastLineEnd(codec, bytes, 0, bytes.length), 8);
  assert.equal(lastLineEnd(codec, bytes, 8, bytes.length), -1);
});

test('cleanLines() takes out a CR before a newline and NULs at a line\u2019s start, no others', () => {
  const bytes = Buffer.from('\0\0one\r\ntwo\rx\0\n\0three');
  const end = cleanLines(bytes, 0, bytes.length);
  assert.equal(bytes.toString('utf8', 0, end), 'one\ntwo\rx\0\nthree');
});
