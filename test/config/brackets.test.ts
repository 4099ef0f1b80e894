import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNamed, splitNamed } from '../../src/config/brackets.ts';

test('parseNamed() takes options in one or several brackets, with and without quotes', () => {
  const named = parseNamed('a-b[x=1, y="2,]" ][z=\'3\', e=]');
  assert.ok(typeof named !== 'string');
  assert.equal(named.name, 'a-b');
  assert.deepEqual(Object.fromEntries(named.options), { x: '1', y: '2,]', z: '3', e: '' });
});

test('parseNamed() says what it cannot read', () => {
  assert.equal(parseNamed('[x=1]'), 'expected name[option=value, ...]');
  assert.equal(parseNamed(''), 'expected a name');
  assert.equal(parseNamed('a[x="1]'), 'cannot read "x="1" as option=value');
  assert.equal(parseNamed('a[x]'), 'cannot read "x" as option=value');
});

test('splitNamed() splits at blanks outside of brackets and quotes', () => {
  assert.deepEqual(
    splitNamed('a[x="] b"] [y=1]\n  c').map(({ text, at }) => [text, at]),
    [
      ['a[x="] b"] [y=1]', 0],
      ['c', 19],
    ],
  );
});
