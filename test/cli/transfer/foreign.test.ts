import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignBan } from '../../../src/cli/transfer/foreign.ts';

test('foreignBan() brings numbers into the range of a ban, so that no source makes a state that cannot be read', () => {
  const ban = (known: Parameters<typeof foreignBan>[1]) => foreignBan('192.0.2.7', known);
  assert.equal(ban({ count: 1e308 }).count, 1_000_000_000);
  assert.deepEqual(
    [ban({ count: -1 }).count, ban({ count: Number.NaN }).count, ban({ count: 2.5 }).count],
    [1, 1, 2],
  );
  assert.deepEqual([ban({ failures: -5 }).failures, ban({ failures: 7 }).failures], [0, 7]);
  assert.deepEqual(
    [ban({ until: 1e308 }).until, ban({ until: null }).until, ban({}).until],
    [null, null, undefined],
  );
  assert.deepEqual([ban({ at: -1e308 }).at, ban({ at: 1e308 }).at, ban({ at: 1000 }).at], [null, null, 1000]);
});
