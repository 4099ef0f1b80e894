import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceStats } from '../../src/source/status.ts';

function makeStats() {
  const said: string[] = [];
  return { said, stats: new SourceStats('/log', 7, (level, text) => said.push(`${level}: ${text}`)) };
}

test('a trouble is said once, until it is over or becomes another; each counts as one error', () => {
  const { said, stats } = makeStats();
  stats.fail('cannot open');
  stats.fail('cannot open');
  stats.fail('it is a folder', 'refused');
  assert.deepEqual(said, ['error: cannot open', 'error: it is a folder']);
  assert.deepEqual(
    [stats.state, stats.report(null).errors, stats.report(null).trouble],
    ['refused', 2, 'it is a folder'],
  );
  stats.well();
  stats.well();
  assert.deepEqual(said.slice(2), ['info: reading /log']);
  assert.deepEqual([stats.state, stats.report(null).trouble], ['reading', null]);
});

test('waiting is no error', () => {
  const { said, stats } = makeStats();
  stats.wait('does not exist');
  stats.wait('does not exist');
  assert.deepEqual(said, ['info: does not exist']);
  assert.deepEqual(
    [stats.state, stats.report(12)],
    ['waiting', { ...stats.report(12), errors: 0, lag: 12, openedAt: 7 }],
  );
});

test('each source counts for itself', () => {
  const [one, two] = [makeStats().stats, makeStats().stats];
  one.counts.rotations++;
  assert.deepEqual([one.report(0).rotations, two.report(0).rotations], [1, 0]);
});

test('bytes that wait and do not become fewer are said once they have waited for five minutes', () => {
  const { said, stats } = makeStats();
  stats.waits(5, 1000);
  stats.waits(9, 1200);
  assert.deepEqual([said, stats.report(9).waitingSince, stats.takeNews()], [[], 1000, false]);
  stats.waits(9, 1300);
  stats.waits(9, 1400);
  assert.deepEqual(said, ['warning: /log: 9 bytes wait to be read for 5m, and none of them was']);
  assert.deepEqual([stats.takeNews(), stats.takeNews()], [true, false]);
  stats.advance(1500);
  stats.waits(0, 1500);
  stats.waits(4, 1600);
  assert.deepEqual([stats.report(4).waitingSince, said.length], [1600, 1]);
});
