import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFilePosition } from '../../../src/source/logfile/position.ts';
import { drain, follow, makeFolder } from './following.ts';

test('a position survives JSON, and what is none is refused', (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'a\n');
  const log = follow(t, path);
  drain(log.source);
  const position = log.position();
  assert.deepEqual(position, log.source.position());
  const [mark] = position.files;
  const withMark = (more: object) => ({ ...position, files: [{ ...mark, ...more }] });
  const bad = [
    null,
    7,
    [],
    {},
    { kind: 'file' },
    { ...position, kind: 'journal' },
    { ...position, seen: '1' },
  ];
  const badMarks = [
    { offset: -1 },
    { offset: 0.5 },
    { dev: 1 },
    { skip: 0 },
    { done: null },
    { first: undefined },
  ];
  for (const one of [...bad, { ...position, seen: Number.POSITIVE_INFINITY }, ...badMarks.map(withMark)]) {
    assert.equal(readFilePosition(one), null, JSON.stringify(one));
  }
});
