import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import {
  canonicalIp,
  contains,
  formatNetwork,
  masked,
  parseNetwork,
  reverseZoneName,
} from '../../src/base/ip.ts';

test('canonicalIp() has one spelling for each address', () => {
  for (const [text, wanted] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const) {
    assert.equal(canonicalIp(text), wanted, text);
  }
});

test('canonicalIp() refuses what only looks like an address', () => {
  for (const text of [
    '0x7f.1',
    '127.1',
    '192.0.2.07',
    '192.0.2.256',
    '1.2.3.4.5',
    'fe80::1%eth0',
    '[::1]',
    '1::2::3',
    '',
    ':',
    ':::',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '१.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
  ]) {
    assert.equal(canonicalIp(text), null, JSON.stringify(text));
  }
});

test('canonicalIp() agrees with the platform on what is an address', () => {
  let seed = 11;
  const random = (below: number): number => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const letters = '0123456789abcdefF:::...';
  for (let i = 0; i < 200000; i++) {
    const text = Array.from({ length: 1 + random(16) }, () => letters[random(letters.length)]).join('');
    assert.equal(canonicalIp(text) !== null, isIP(text) !== 0, text);
  }
});

test('parseNetwork() reads prefixes and masks, and clears host bits', () => {
  for (const [text, wanted] of [
    ['198.51.100.77/24', '198.51.100.0/24'],
    ['198.51.100.0/255.255.255.0', '198.51.100.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['2001:db8::/ffff:ffff::', '2001:db8::/32'],
    ['::ffff:198.51.100.77/120', '198.51.100.0/24'],
  ] as const) {
    const network = parseNetwork(text);
    assert.equal(network === null ? null : formatNetwork(network), wanted, text);
  }
  for (const text of [
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/255.0.255.0',
    '::/129',
    'x/8',
    '::ffff:1.2.3.4/95',
  ]) {
    assert.equal(parseNetwork(text), null, text);
  }
});

test('contains() is true for the addresses that masked() brings to the network', () => {
  const network = parseNetwork('198.51.100.0/22');
  assert.ok(network !== null);
  assert.equal(contains(network, '198.51.103.255'), true);
  assert.equal(contains(network, '198.51.104.0'), false);
  assert.equal(contains(network, '2001:db8::1'), false);
  assert.equal(masked('2001:db8:ffff:ffff::1', 60), '2001:db8:ffff:fff0::');
});

test('reverseZoneName() spells addresses as reverse zones do', () => {
  assert.equal(reverseZoneName('192.0.2.7'), '7.2.0.192.');
  assert.equal(
    reverseZoneName('2001:db8::1'),
    '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.',
  );
  assert.equal(reverseZoneName('alice'), null);
});
