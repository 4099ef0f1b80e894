import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEntry } from '../../../src/source/journal/entry.ts';
import { Pieces } from '../../../src/source/journal/pieces.ts';

function entryOf(fields: Record<string, string>) {
  const entry = readEntry(
    JSON.stringify({ __CURSOR: 's=1', __REALTIME_TIMESTAMP: '1700000000500000', ...fields }),
  );
  return entry ?? assert.fail('no entry');
}

const results = (pieces: Pieces, entries: readonly Record<string, string>[]): boolean[] =>
  entries.map((fields) => pieces.isLater(entryOf(fields)));

test("the entry after one that journald split is a later piece, another stream's is none", () => {
  const [one, other] = [{ _STREAM_ID: 'a' }, { _STREAM_ID: 'b' }];
  const split = { ...one, _LINE_BREAK: 'line-max' };
  assert.deepEqual(results(new Pieces(), [split, other, split, one, one]), [false, false, true, true, false]);
  assert.deepEqual(results(new Pieces(), [{ ...one, _LINE_BREAK: 'nul' }, one]), [false, true]);
  assert.deepEqual(results(new Pieces(), [{ ...one, _LINE_BREAK: 'eof' }, one, {}]), [false, false, false]);
});

test("a container's standard output and standard error are two streams", () => {
  const error = { CONTAINER_ID_FULL: 'c', PRIORITY: '3' };
  const output = { CONTAINER_ID_FULL: 'c', PRIORITY: '6' };
  const split = { ...error, CONTAINER_PARTIAL_MESSAGE: 'true' };
  assert.deepEqual(results(new Pieces(), [split, output, error, error]), [false, false, true, false]);
});

test('open() takes the state over a restart, and is bounded', () => {
  const pieces = new Pieces();
  for (let i = 0; i < 100; i++) pieces.isLater({ stream: `s${i}`, isOpen: true });
  const again = new Pieces(pieces.open());
  assert.equal(pieces.open().length, 64);
  assert.ok(again.isLater({ stream: 's99', isOpen: false }));
  assert.ok(!again.isLater({ stream: 's99', isOpen: false }));
  assert.ok(!again.isLater({ stream: 's0', isOpen: false }));
});
