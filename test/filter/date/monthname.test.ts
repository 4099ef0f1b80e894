import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monthOf } from '../../../src/filter/date/monthname.ts';

test('monthOf() reads short and long names of several languages, with a dot or not', () => {
  const names = 'Jan Februar Mär avril mag juin juil. août Sept. OKT lis Dez.'.split(' ');
  assert.deepEqual(names.map(monthOf), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(['x', 'host', '', 'мая'].map(monthOf), [0, 0, 0, 5]);
});
