import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../../src/firewall/backend.ts';
import { addLines, removalLines, removeLines, ruleLines } from '../../../src/firewall/nftables/script.ts';

const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'reject' };
const HOSTS = { family: 4, prefix: 32 } as const;

test('ruleLines() blocks what is in the set, with ports, masks and resets where they are wanted', () => {
  assert.deepEqual(ruleLines(RULE, HOSTS), ['ip saddr @addr4-a reject']);
  assert.deepEqual(
    ruleLines(
      {
        ...RULE,
        ports: [
          [22, 22],
          [80, 90],
        ],
        protocols: ['tcp'],
      },
      HOSTS,
    ),
    [
      'meta l4proto 6 th dport { 22, 80-90 } ip saddr @addr4-a reject',
      'meta l4proto 6 ct direction original ct original proto-dst { 22, 80-90 } ip saddr @addr4-a reject',
    ],
  );
  const early: Rule = { ...RULE, ports: [[22, 22]], protocols: ['tcp'], chains: ['PREROUTING'] };
  assert.deepEqual(ruleLines(early, HOSTS), ['meta l4proto 6 th dport { 22 } ip saddr @addr4-a reject']);
  assert.deepEqual(ruleLines({ ...RULE, block: 'tcp-reset' }, HOSTS), [
    'meta l4proto 6 ip saddr @addr4-a reject with tcp reset',
    'ip saddr @addr4-a reject',
  ]);
  assert.deepEqual(ruleLines({ ...RULE, block: 'drop' }, { family: 6, prefix: 64 }), [
    'ip6 saddr & ffff:ffff:ffff:ffff:: @net6-64-a drop',
  ]);
});

test('an entry that may stand already is removed before it is added', () => {
  const ban = { jail: 'a', address: '192.0.2.1', until: 1060 };
  const add = 'add element inet f2b addr4-a { 192.0.2.1 timeout 60s }';
  assert.deepEqual(addLines([ban], new Set(['a']), 1000), [add]);
  assert.deepEqual(addLines([ban], new Set(), 1000), [...removeLines([ban]), add]);
});

test('a network is an element of the set of its prefix length, a long time-out is spelt in days', () => {
  const ban = { jail: 'a', address: '198.51.100.0/24', until: 1000 + 2 * 86400 + 3600 + 1 };
  assert.deepEqual(addLines([ban], new Set(['a']), 1000), [
    'add element inet f2b net4-24-a { 198.51.100.0 timeout 2d1h1s }',
  ]);
});

test('removalLines() empties chains before it deletes them, and sets after them', () => {
  assert.deepEqual(removalLines(['addr4-a', 'input-a', 'mine']), [
    'flush chain inet f2b input-a',
    'delete chain inet f2b input-a',
    'delete set inet f2b addr4-a',
  ]);
});
