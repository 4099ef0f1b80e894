import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busEnvironment, isEnforceable, jailOfRule } from '../../src/firewall/plan.ts';

test('jailOfRule() finds the jail of its first rule and of further ones', () => {
  assert.deepEqual([jailOfRule('sshd'), jailOfRule('sshd/nftables')], ['sshd', 'sshd']);
});

test('only addresses and networks can be blocked by a firewall', () => {
  for (const id of ['192.0.2.7', '198.51.100.0/24', '2001:db8::/64']) assert.ok(isEnforceable(id), id);
  for (const id of ['alice', '192.0.2', '']) assert.ok(!isEnforceable(id), id);
});

test('busEnvironment() hands on where the system bus is, and nothing else', () => {
  assert.deepEqual(busEnvironment({ HOME: '/root' }), {});
  const bus = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/run/bus' };
  assert.deepEqual(busEnvironment({ ...bus, HOME: '/root' }), bus);
});
