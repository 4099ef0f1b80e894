import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoredBy, makeIgnoreList, mayBeIgnored, replaceAddresses } from '../../src/ban/ignore.ts';
import { parseIp4, parseNetwork } from '../../src/base/ip.ts';

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

test('law: mayBeIgnored() says so of every IPv4 address that ignoredBy() names, also when the own addresses change', () => {
  const own = new Set(['192.0.2.1', '2001:db8::1']);
  const list = makeIgnoreList(
    ['10.0.0.0/30', '198.51.100.7', '2001:db8::/32'].flatMap((text) => parseNetwork(text) ?? []),
    own,
  );
  const all = ['192.0.2.1', '192.0.2.2', '10.0.0.0', '10.0.0.3', '10.0.0.4', '198.51.100.7', '198.51.100.8'];
  for (let round = 0; round < 2; round++) {
    for (const id of all)
      assert.equal(mayBeIgnored(list, parseIp4(id) ?? 0), ignoredBy(list, id) !== null, id);
    replaceAddresses(own, new Set(['192.0.2.2']));
  }
  assert.deepEqual([...own], ['192.0.2.2']);
  const filed = makeIgnoreList([], own, { files: [{ addresses: new Set(), networks: [] }] });
  assert.equal(mayBeIgnored(filed, 1), true);
});
