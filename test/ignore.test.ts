import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoredBy, makeIgnoreList } from '../src/ignore.ts';
import { parseNetwork } from '../src/ip.ts';

const list = makeIgnoreList(
  ['192.0.2.7', '198.51.100.0/24', '2001:db8:1::/48'].flatMap((text) => parseNetwork(text) ?? []),
  ['10.2.1.10', 'fe80::1'],
);

test('ignoredBy() protects own addresses, single ones and networks', () => {
  assert.equal(ignoredBy(list, '10.2.1.10'), 'ignoreself rule');
  assert.equal(ignoredBy(list, '192.0.2.7'), 'ip');
  assert.equal(ignoredBy(list, '198.51.100.200'), 'ip');
  assert.equal(ignoredBy(list, '2001:db8:1:2::3'), 'ip');
  assert.equal(ignoredBy(list, '192.0.2.8'), null);
  assert.equal(ignoredBy(list, 'some-user'), null);
});

test('ignoredBy() protects from a network that would cover somebody protected', () => {
  assert.equal(ignoredBy(list, '10.2.1.0/24'), 'ignoreself rule');
  assert.equal(ignoredBy(list, '192.0.2.0/24'), 'ip');
  assert.equal(ignoredBy(list, '198.51.0.0/16'), 'ip');
  assert.equal(ignoredBy(list, '203.0.113.0/24'), null);
});
