import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileWanted, makeFastFilter } from '../../../src/filter/fast/fastfilter.ts';
import { makeGround } from '../../testbed/ground.ts';
import { type FilterParts, workerOf } from '../filterof.ts';

function fastOf(parts: FilterParts) {
  const { filter, state } = workerOf(parts);
  return makeFastFilter(filter, state);
}

test('a filter over several lines, or of other ids than addresses, has no short way', () => {
  assert.equal(fastOf({ failregex: ['<HOST>'], maxlines: 2 }), null);
  assert.equal(fastOf({ failregex: ['<F-ID>\\w+</F-ID>'] }), null);
  assert.notEqual(fastOf({ failregex: ['<HOST>'] }), null);
});

test('compileWanted() compiles what was searched with 200 times, and that once', () => {
  const fast = fastOf({ failregex: ['^a <HOST>$', '^b <HOST>$'], ignoreregex: ['c'] });
  assert.ok(fast !== null);
  const [often, seldom] = fast.plan.searches;
  assert.ok(often !== undefined && seldom !== undefined);
  const shared = makeGround();
  often.uses = 200;
  seldom.uses = 199;
  assert.equal(compileWanted(fast, shared), 1);
  assert.deepEqual([often.main !== null, seldom.main !== null], [true, false]);
  assert.equal(compileWanted(fast, shared), 0);
  assert.equal(compileWanted(fast, makeGround()), 1, 'for another memory anew');
});
