import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanTally } from '../../../src/cli/report/tally.ts';

test('addresses, networks, jails and repeat offenders are ranked', () => {
  const tally = new BanTally();
  for (const id of [
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.1',
    '192.0.3.1',
    '2001:db8:1:2::3',
    'name',
    '192.0.2.0/28',
  ])
    tally.add({ jail: 'sshd', id, time: 1000, count: 1 });
  const rankings = tally.rankings();
  assert.deepEqual(rankings['addresses']?.[0], ['192.0.2.1', 2]);
  assert.deepEqual(rankings['networks /16'], [['192.0.0.0/16', 4]]);
  assert.deepEqual(rankings['networks /24'], [
    ['192.0.2.0/24', 3],
    ['192.0.3.0/24', 1],
  ]);
  assert.deepEqual(rankings['networks /48'], [['2001:db8:1::/48', 1]]);
  assert.deepEqual(rankings['repeat offenders'], [['192.0.2.1', 2]]);
  assert.deepEqual(rankings['jails'], [['sshd', 7]]);
  assert.equal(
    rankings['hours']?.reduce((sum, [, bans]) => sum + bans, 0),
    7,
  );
});
