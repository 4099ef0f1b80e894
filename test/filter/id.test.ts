import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UseDns } from '../../src/config/jail.ts';
import type { Fields, FieldValue } from '../../src/filter/fields.ts';
import { identify } from '../../src/filter/id.ts';
import { idsOf, run } from './filterof.ts';

test('the id is F-ID, else the address, with a CIDR its network, else the name as usedns wants it', () => {
  const ids = (failregex: string, text: string, usedns: UseDns = 'warn') =>
    idsOf(run({ failregex: [failregex], usedns }, [`2024-06-23T22:29:50 ${text}`]));
  assert.deepEqual(ids('<HOST>$', '::FFFF:192.0.2.1'), ['ip 192.0.2.1']);
  assert.deepEqual(ids('<HOST>$', '[2001:DB8:0::1]'), ['ip 2001:db8::1']);
  assert.deepEqual(ids('<SUBNET>$', '192.0.2.77/24'), ['net 192.0.2.0/24']);
  assert.deepEqual(ids('<ADDR>/<CIDR>$', '2001:db8::77/64'), ['net 2001:db8::/64']);
  assert.deepEqual(ids('<F-ID>\\S+@\\S+</F-ID>$', 'root@example'), ['id root@example']);
  assert.deepEqual(ids('<F-ID/>$', '192.0.2.0/24'), ['net 192.0.2.0/24']);
  assert.deepEqual(ids('<HOST>$', 'mail.example'), ['dns mail.example']);
  assert.deepEqual(ids('<HOST>$', 'mail.example', 'no'), []);
  assert.deepEqual(ids('<DNS>$', 'mail.example', 'no'), []);
  assert.deepEqual(ids('<HOST>$', 'mail.example', 'raw'), ['id mail.example']);
  assert.deepEqual(ids('<HOST>$', '192.0.2.300'), ['id 192.0.2.300']);
});

/** Who the fields speak of, and as what they then name the address. */
function identified(fields: Readonly<Record<string, FieldValue>>, usedns: UseDns = 'warn') {
  const all: Fields = new Map(Object.entries(fields));
  const found = identify(all, usedns);
  return [typeof found === 'string' ? found : `${found.kind} ${found.id}`, all.get('ip') ?? null];
}

test('identify() prefers an IPv4 address to an IPv6 one, and that to a name', () => {
  assert.deepEqual(identified({ ip4: '192.0.2.1', ip6: '2001:db8::1', dns: 'a.example' }), [
    'ip 192.0.2.1',
    null,
  ]);
  assert.deepEqual(identified({ ip6: '2001:DB8::1', dns: 'a.example' }), ['ip 2001:db8::1', null]);
});

test('identify() puts the address into the fields where F-ID is something else', () => {
  assert.deepEqual(identified({ fid: 'root', ip4: '192.0.2.1' }), ['id root', '192.0.2.1']);
  const both = { fid: '[2001:db8::1]', ip4: '192.0.2.1' };
  assert.deepEqual(identified(both), ['ip 2001:db8::1', '192.0.2.1']);
  assert.deepEqual(identified(both, 'raw'), ['id [2001:db8::1]', '192.0.2.1']);
  assert.deepEqual(identified({ fid: '192.0.2.1', ip4: '192.0.2.1' }), ['ip 192.0.2.1', null]);
  assert.deepEqual(identified({ fid: 'root', dns: 'a.example' }, 'raw'), ['id root', 'a.example']);
});

test('identify() reads an F-ID in brackets as the address in them, but with usedns = raw', () => {
  assert.deepEqual(identified({ fid: '[2001:db8::1]' }), ['ip 2001:db8::1', null]);
  assert.deepEqual(identified({ fid: '[2001:db8::1]' }, 'raw'), ['id [2001:db8::1]', null]);
  assert.deepEqual(identified({ fid: '192.0.2.0/24' }), ['net 192.0.2.0/24', null]);
  assert.deepEqual(identified({ fid: '192.0.2.1/32' }), ['ip 192.0.2.1', null]);
});

test('identify() takes what <HOST> took and is no address for text that no firewall can take', () => {
  assert.deepEqual(identified({ ip4: '192.0.2.300' }), ['id 192.0.2.300', null]);
  assert.deepEqual(identified({ ip4: '192.0.2.09' }), ['id 192.0.2.09', null]);
});

test('identify() waits for who it is, and leaves names that are not wanted to nobody', () => {
  assert.deepEqual(identified({ user: 'root' }), ['pending', null]);
  assert.deepEqual(identified({ dns: 'a.example' }, 'no'), ['nobody', null]);
  assert.deepEqual(identified({ dns: 'a.example' }, 'yes'), ['dns a.example', null]);
});
