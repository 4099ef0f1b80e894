import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bansNamed, refusalOf } from '../../src/ban/byhand.ts';
import { makeIgnoreList, newPart } from '../../src/ban/ignore.ts';
import { parseNetwork } from '../../src/base/ip.ts';

const NOBODY = { gateways: new Set<string>(), sessions: new Set<string>() };
const networks = (...texts: string[]) => texts.flatMap((text) => parseNetwork(text) ?? []);

test('a ban by hand is refused for what ignoreip names, for own addresses and for wide networks', () => {
  const ignored = makeIgnoreList(networks('192.0.2.0/24'), newPart(networks('198.51.100.1')));
  const guarded = { jail: { name: 'door' }, ignored };
  assert.match(refusalOf(guarded, NOBODY, '192.0.2.7', false)?.why ?? '', /ignoreip of the jail "door"/);
  assert.match(refusalOf(guarded, NOBODY, '198.51.100.1', false)?.why ?? '', /address of this machine/);
  assert.equal(refusalOf(guarded, NOBODY, '203.0.113.0/12', false)?.hint, 'say --wide if it is meant');
  assert.equal(refusalOf(guarded, NOBODY, '203.0.113.7', false), null);
});

test('an unban names a ban, the bans inside a network, and the prefix of an IPv6 address', () => {
  const bans = new Map([
    ['192.0.2.7', 1],
    ['192.0.2.8', 1],
    ['2001:db8::/64', 1],
  ]);
  const named = (ids: readonly string[] | null): readonly string[] => [...bansNamed(bans, ids, 64)];
  assert.deepEqual(named(['192.0.2.7', '203.0.113.1']), ['192.0.2.7', '203.0.113.1']);
  assert.deepEqual(named(['192.0.2.0/24']), ['192.0.2.0/24', '192.0.2.7', '192.0.2.8']);
  assert.deepEqual(named(['2001:db8::5']), ['2001:db8::/64']);
  assert.deepEqual(named(null), [...bans.keys()]);
});
