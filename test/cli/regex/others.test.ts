import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeOthers } from '../../../src/cli/regex/others.ts';
import { filterOf, NOW } from '../../filter/filterof.ts';

test('makeOthers() finds all failregexes that match a line, but none of several lines', () => {
  const line = { text: 'a 192.0.2.1 b', time: NOW };
  const failregex = ['^a <HOST>', '^x <HOST>', '<HOST> b$'];
  assert.deepEqual(makeOthers(filterOf({ failregex }), NOW)(line), [0, 2]);
  assert.deepEqual(makeOthers(filterOf({ failregex, maxlines: 2 }), NOW)(line), []);
});
