import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, openDns } from '../../src/base/dns.ts';

test('the name service answers from the hosts file, and has no answer for what is no name', async () => {
  const dns = openDns();
  assert.ok(
    (await dns.addressesOf('localhost')).some((address) => address === '127.0.0.1' || address === '::1'),
  );
  assert.deepEqual(await dns.addressesOf('no such name'), []);
});

test('addressesOf() and nameOf() answer nothing, rather than throw, for what cannot be looked up', async () => {
  assert.deepEqual(await openDns().addressesOf('a\0b'), []);
  assert.equal(await nameOf('no address'), '');
});

test('an answer is kept for five minutes', async () => {
  let nowMs = 0;
  const dns = openDns(() => nowMs);
  const first = dns.addressesOf('localhost');
  nowMs = 299_999;
  assert.equal(dns.addressesOf('localhost'), first);
  nowMs = 300_000;
  assert.notEqual(dns.addressesOf('localhost'), first);
});

test('a thousand answers are kept: names of an attacker push out the oldest, and fill no memory', async () => {
  const dns = openDns(() => 0);
  const first = dns.addressesOf('localhost');
  // Too long to be asked about.
  const ask = (i: number) => dns.addressesOf(`${i}${'x'.repeat(300)}`);
  const all = Array.from({ length: 999 }, (_, i) => ask(i));
  assert.equal(dns.addressesOf('localhost'), first);
  all.push(ask(999));
  assert.notEqual(dns.addressesOf('localhost'), first);
  await Promise.all(all);
});
