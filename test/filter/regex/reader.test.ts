import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accept,
  acceptMatch,
  errorAt,
  type Flags,
  foldOf,
  originOf,
  peek,
  RegexError,
  readerOf,
  take,
} from '../../../src/filter/regex/reader.ts';

const FLAGS: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };
const readerFor = (text: string, origins: readonly number[] = []) => readerOf({ text, origins }, FLAGS);

test('take() moves by characters, not by halves of them, and answers nothing at the end', () => {
  const reader = readerFor('a\u{1f600}b');
  assert.deepEqual(
    [take(reader), peek(reader), take(reader), take(reader)],
    ['a', '\u{1f600}', '\u{1f600}', 'b'],
  );
  assert.deepEqual([take(reader), peek(reader), reader.pos], ['', '', 4]);
});

test('accept() moves over a text that stands there, and over no other', () => {
  const reader = readerFor('(?P<a>');
  assert.deepEqual([accept(reader, '(?:'), reader.pos], [false, 0]);
  assert.deepEqual([accept(reader, '(?P'), reader.pos], [true, 3]);
});

test('acceptMatch() looks at the place only', () => {
  const reader = readerFor('a12b');
  assert.equal(acceptMatch(reader, /\d+/y), null);
  take(reader);
  assert.equal(acceptMatch(reader, /\d+/y)?.[0], '12');
  assert.equal(peek(reader), 'b');
});

test('an error is told at the offset where the user wrote what is wrong', () => {
  const reader = readerFor('abc', [4, 4, 7]);
  assert.deepEqual([originOf(reader, 1), originOf(reader, 2), originOf(reader, 3)], [4, 7, 8]);
  assert.equal(originOf(readerFor(''), 0), 0);
  const error = errorAt(reader, 2, 'no');
  assert.ok(error instanceof RegexError);
  assert.deepEqual([error.message, error.offset], ['no', 7]);
});

test('foldOf() takes letters as alike under (?i) only, those of ASCII under (?ia)', () => {
  assert.equal(foldOf(FLAGS), 'none');
  assert.equal(foldOf({ ...FLAGS, ascii: true }), 'none');
  assert.equal(foldOf({ ...FLAGS, ignoreCase: true }), 'unicode');
  assert.equal(foldOf({ ...FLAGS, ignoreCase: true, ascii: true }), 'ascii');
});
