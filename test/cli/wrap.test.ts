import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inColumns, partsOf, wrapped } from '../../src/cli/wrap.ts';

test('wrapped() breaks at spaces and lets a long word stand alone', () => {
  assert.deepEqual(wrapped('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrapped('a overlong b', 4), ['a', 'overlong', 'b']);
  assert.deepEqual(wrapped('', 10), ['']);
});

test('partsOf() joins the lines of a paragraph and keeps indented lines', () => {
  assert.deepEqual(partsOf('One\ntwo.\n\nThree:\n  a  1\n  b  2\nFour.\n'), [
    { kind: 'paragraph', lines: ['One two.'], isApart: false },
    { kind: 'paragraph', lines: ['Three:'], isApart: true },
    { kind: 'table', lines: ['  a  1', '  b  2'], isApart: false },
    { kind: 'paragraph', lines: ['Four.'], isApart: false },
  ]);
});

test('inColumns() goes on below the second column', () => {
  const [first = '', second = '', ...more] = inColumns([['name', `${'word '.repeat(16)}end`]]);
  assert.equal(first, `  name  ${'word '.repeat(14).trim()}`);
  assert.equal(second, `        word word end`);
  assert.deepEqual(more, []);
});

test('inColumns() gives what is too wide for the first column a line of its own', () => {
  const long = 'x'.repeat(45);
  assert.deepEqual(
    inColumns([
      [long, 'why'],
      ['y', 'not'],
    ]),
    [`  ${long}`, '     why', '  y  not'],
  );
});
