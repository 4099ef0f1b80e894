import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_DIFFERENCE, type Rule } from '../../src/firewall/backend.ts';
import { simulated } from '../../src/firewall/dryrun.ts';
import { ipset } from '../../src/firewall/ipset.ts';

const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'drop' };
const BAN = { jail: 'a', address: '192.0.2.1', until: null };

test('a simulated firewall holds what was changed through it, and its commands are the real ones', () => {
  const real = ipset();
  const firewall = simulated(real);
  const change = { ...NO_DIFFERENCE, setup: [RULE], add: [BAN] };
  assert.deepEqual(firewall.change([RULE], change, 0), real.change([RULE], change, 0));
  const held = firewall.readHeld([RULE], [], 0);
  assert.deepEqual([...held.ready], ['a']);
  assert.deepEqual([...(held.entries.get('a') ?? [])], [['192.0.2.1', null]]);
  firewall.change([RULE], { ...NO_DIFFERENCE, remove: [BAN] }, 0);
  assert.equal(firewall.readHeld([RULE], [], 0).entries.get('a')?.size, 0);
});

test('a simulated firewall knows the jails that are no longer wanted, and asks no program', () => {
  const firewall = simulated(ipset());
  firewall.change([RULE], { ...NO_DIFFERENCE, setup: [RULE] }, 0);
  assert.deepEqual([...firewall.readHeld([], [], 0).strays], ['a']);
  firewall.change([], { ...NO_DIFFERENCE, teardown: ['a'] }, 0);
  assert.deepEqual([...firewall.readHeld([], [], 0).strays], []);
  assert.deepEqual([firewall.list([]), firewall.probe([]), firewall.watch()], [[], [], null]);
});
