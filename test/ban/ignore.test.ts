import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillPart, ignoredBy, makeIgnoreList, mayBeIgnored, newPart } from '../../src/ban/ignore.ts';
import { type Network, parseIp4, parseNetwork } from '../../src/base/ip.ts';

const networks = (...texts: string[]): Network[] => texts.flatMap((text) => parseNetwork(text) ?? []);
const list = makeIgnoreList(
  networks('192.0.2.7', '198.51.100.0/24', '2001:db8:1::/48'),
  newPart(networks('10.2.1.10', 'fe80::1')),
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

test('law: mayBeIgnored() says so of every IPv4 address that ignoredBy() names, also when the own addresses change', () => {
  const own = newPart(networks('192.0.2.1', '2001:db8::1'));
  const list = makeIgnoreList(networks('10.0.0.0/30', '198.51.100.7', '2001:db8::/32'), own);
  const all = ['192.0.2.1', '192.0.2.2', '10.0.0.0', '10.0.0.3', '10.0.0.4', '198.51.100.7', '198.51.100.8'];
  for (let round = 0; round < 2; round++) {
    for (const id of all)
      assert.equal(mayBeIgnored(list, parseIp4(id) ?? 0), ignoredBy(list, id) !== null, id);
    fillPart(own, networks('192.0.2.2'));
  }
  assert.deepEqual([...own.addresses], ['192.0.2.2']);
  const filed = makeIgnoreList([], own, { files: [newPart()] });
  assert.equal(mayBeIgnored(filed, 1), true);
});
