import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neighboursOf, rollUp, rollupNetwork } from '../../src/ban/rollup.ts';
import type { Problem } from '../../src/base/errors.ts';
import type { Rollup } from '../../src/config/jail.ts';
import { textAt } from '../../src/config/text.ts';
import { readRollup, readValue } from '../../src/config/values.ts';
import type { Ban } from '../../src/state/state.ts';

const rule: Rollup = { v4: { hosts: 3, prefix: 24 }, v6: { hosts: 2, prefix: 48 } };
const ban = (until: number | null, failures = 5): Ban => ({
  at: 1,
  until,
  failures,
  count: 4,
  origin: 'log',
  matches: ['line'],
  pending: null,
});

test('rollUp() makes one ban of a network out of enough hosts of it, as long as the longest', () => {
  const bans = new Map([['192.0.2.1', ban(10)]]);
  const neighbours = neighboursOf(rule, bans.keys());
  assert.equal(rollUp(rule, neighbours, bans.set('192.0.2.9', ban(30)), '192.0.2.9'), null);
  assert.equal(rollUp(rule, neighbours, bans.set('192.0.3.9', ban(50)), '192.0.3.9'), null);
  const rolled = rollUp(rule, neighbours, bans.set('192.0.2.7', ban(20)), '192.0.2.7');
  assert.equal(rolled?.network, '192.0.2.0/24');
  assert.deepEqual(rolled?.hosts, ['192.0.2.1', '192.0.2.9', '192.0.2.7']);
  assert.deepEqual([rolled?.ban.until, rolled?.ban.failures, rolled?.ban.count], [30, 15, 1]);
});

test('rollUp() does not count hosts whose ban is over, and a ban for ever stays one', () => {
  const bans = new Map([
    ['2001:db8:1:1::/64', ban(null)],
    ['192.0.2.1', ban(10)],
    ['192.0.2.2', ban(10)],
  ]);
  const neighbours = neighboursOf(rule, bans.keys());
  bans.delete('192.0.2.1');
  assert.equal(rollUp(rule, neighbours, bans.set('192.0.2.3', ban(10)), '192.0.2.3'), null);
  const rolled = rollUp(rule, neighbours, bans.set('2001:db8:1:2::/64', ban(10)), '2001:db8:1:2::/64');
  assert.deepEqual([rolled?.network, rolled?.ban.until], ['2001:db8:1::/48', null]);
});

test('networkOf() knows single addresses and the /64 of IPv6, nothing else', () => {
  assert.equal(rollupNetwork(rule, '192.0.2.1'), '192.0.2.0/24');
  assert.equal(rollupNetwork(rule, '192.0.2.0/25'), null);
  assert.equal(rollupNetwork(rule, '2001:db8:1:2::3'), '2001:db8:1::/48');
  assert.equal(rollupNetwork(rule, '2001:db8::/32'), null);
  for (const id of ['cafe', 'bob', 'a:b', '1', '']) assert.doesNotThrow(() => rollupNetwork(rule, id), id);
  assert.equal(rollupNetwork({ v4: null, v6: null }, '192.0.2.1'), null);
});

test('rollup is read as hosts/prefix, the prefix tells the family', () => {
  const read = (text: string) => {
    const problems: Problem[] = [];
    const rollup = readValue('rollup', textAt(text, { file: 'f', line: 1 }), readRollup, problems);
    return rollup === null ? 'refused' : rollup.value;
  };
  assert.deepEqual(read('5/24'), { v4: { hosts: 5, prefix: 24 }, v6: null });
  assert.deepEqual(read('5/24, 20/48'), { v4: { hosts: 5, prefix: 24 }, v6: { hosts: 20, prefix: 48 } });
  assert.equal(read('no'), null);
  for (const text of ['24', '1/24', '5/8', '5/32', '5/128', 'five/24'])
    assert.equal(read(text), 'refused', text);
});
