import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeIgnoreList } from '../src/ignore.ts';
import { bannedId, countedId } from '../src/intake.ts';
import { parseNetwork } from '../src/ip.ts';

const networks = (...texts: string[]) => texts.flatMap((text) => parseNetwork(text) ?? []);

test('an IPv6 address is counted by its /64, an IPv4 address, a network and a name as they are', () => {
  assert.equal(countedId('2001:db8:0:1::99', 64), '2001:db8:0:1::/64');
  assert.equal(countedId('2001:db8:0:1::99', 128), '2001:db8:0:1::99');
  for (const id of ['192.0.2.7', '2001:db8::/48', 'ann', 'a:b']) assert.equal(countedId(id, 64), id);
});

test('a neighbour in our own /64 is counted and banned by its address alone', () => {
  const own = makeIgnoreList([], ['127.0.0.1', '::1', '2001:db8:0:1::10']);
  assert.equal(bannedId('2001:db8:0:1::99', 64, own), '2001:db8:0:1::99');
  assert.equal(bannedId('2001:db8:0:2::99', 64, own), '2001:db8:0:2::/64');
});

test('so is a neighbour of somebody whom ignoreip protects', () => {
  const ignore = makeIgnoreList(networks('2001:db8:0:1::5', '2001:db8:0:2:8000::/72'), []);
  assert.equal(bannedId('2001:db8:0:1::99', 64, ignore), '2001:db8:0:1::99');
  assert.equal(bannedId('2001:db8:0:2::99', 64, ignore), '2001:db8:0:2::99');
  assert.equal(bannedId('2001:db8:0:3::99', 64, ignore), '2001:db8:0:3::/64');
});
