import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BanEntry, Held, Rule } from '../../src/firewall/backend.ts';
import { difference, isNothing } from '../../src/firewall/difference.ts';
import { ipset } from '../../src/firewall/ipset.ts';
import { iptables } from '../../src/firewall/iptables/iptables.ts';

const NOW = 1_700_000_000;
const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: ['INPUT'], block: 'reject' };
const ban = (address: string, until: number | null = null): BanEntry => ({ jail: 'a', address, until });

function heldWith(entries: readonly (readonly [string, number | null])[]): Held {
  return {
    ready: new Set(['a']),
    entries: new Map([['a', new Map(entries)]]),
    strays: new Set(),
    traces: new Map(),
    absent: new Map(),
  };
}

test('what is missing is added, what is not wanted is removed, what stands is left alone', () => {
  const held = heldWith([
    ['192.0.2.1', null],
    ['192.0.2.2', null],
  ]);
  const change = difference(ipset(), [RULE], [ban('192.0.2.2'), ban('192.0.2.3')], { held, now: NOW });
  assert.deepEqual(change.add, [ban('192.0.2.3')]);
  assert.deepEqual(change.remove, [ban('192.0.2.1')]);
  assert.deepEqual([change.setup, change.teardown], [[], []]);
});

test('a time-out is set again only when it is really another one', () => {
  const cases: readonly (readonly [wanted: number | null, standing: number | null, isAgain: boolean])[] = [
    [NOW + 100, NOW + 98, false],
    [NOW + 100, NOW + 50, true],
    [NOW + 100, NOW + 150, true],
    [null, NOW + 100, true],
    [NOW + 100, null, true],
    [null, null, false],
    // Longer than ipset can: set to the longest, and again when half of it is over.
    [NOW + 9_000_000, NOW + 2_147_483, false],
    [NOW + 9_000_000, NOW + 1_200_000, false],
    [NOW + 9_000_000, NOW + 1_000_000, true],
  ];
  for (const [wanted, standing, isAgain] of cases) {
    const state = { held: heldWith([['192.0.2.1', standing]]), now: NOW };
    const change = difference(ipset(), [RULE], [ban('192.0.2.1', wanted)], state);
    assert.equal(change.add.length === 1, isAgain, `${wanted} ${standing}`);
    assert.ok(isNothing(difference(iptables, [RULE], [ban('192.0.2.1', wanted)], state)));
  }
});

test('a jail that is not ready is set up with all its entries', () => {
  const held = { ...heldWith([['192.0.2.1', null]]), ready: new Set<string>() };
  const change = difference(ipset(), [RULE], [ban('192.0.2.1')], { held, now: NOW });
  assert.deepEqual([change.setup, change.add, change.remove], [[RULE], [ban('192.0.2.1')], []]);
});

test('bans of a family that the firewall lacks are not wanted there', () => {
  const held = { ...heldWith([['192.0.2.1', null]]), absent: new Map([['6 INPUT', 'no IPv6']]) };
  const bans = [ban('192.0.2.1'), ban('2001:db8::1')];
  assert.ok(isNothing(difference(ipset(), [RULE], bans, { held, now: NOW })));
  const wider = { ...RULE, chains: ['INPUT', 'FORWARD'] };
  assert.deepEqual(difference(ipset(), [wider], bans, { held, now: NOW }).add, [ban('2001:db8::1')]);
});

test('difference() takes more bans than a call takes arguments', () => {
  const many = Array.from({ length: 300_000 }, (_, i) => ({
    jail: 'a',
    address: `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    until: null,
  }));
  const rule: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'drop' };
  const held: Held = {
    ready: new Set(),
    entries: new Map(),
    strays: new Set(),
    traces: new Map(),
    absent: new Map(),
  };
  assert.equal(difference(ipset(), [rule], many, { held, now: 0 }).add.length, many.length);
});
