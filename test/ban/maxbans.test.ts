import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BanLimit,
  countLogBans,
  crowdedNetworks,
  crowdOf,
  type LogBans,
  makeRoom,
  noteEnd,
  noteLogBan,
} from '../../src/ban/maxbans.ts';
import {
  type Ban,
  bansOf,
  emptyState,
  endBan,
  type JailState,
  jailState,
  noteRefused,
  putBan,
} from '../../src/state/state.ts';

const BANTIME = 3600;
const banAt = (at: number, more: Partial<Ban> = {}): Ban => ({
  ...{ at, until: at + BANTIME, failures: 1, count: 1, origin: 'log', matches: [], pending: null },
  ...more,
});
const limitOf = (maxbans: number, more: Partial<BanLimit> = {}): BanLimit => ({
  ...{ maxbans, bantime: BANTIME, mayBan: () => true },
  ...more,
});

/** A jail, and what becomes of each id that its log wants banned. */
function flooded(limit: BanLimit) {
  const jail: JailState = jailState(emptyState(), 'sshd');
  let known: LogBans | null = null;
  const ban = (id: string, made: Ban = banAt(1000)): 'banned' | 'held' | 'refused' => {
    known = countLogBans(jail, limit.maxbans, known);
    const room = known === null ? null : makeRoom(jail, known, id, limit);
    if (crowdedNetworks(id).some((network) => jail.bans.has(network))) return 'held';
    if (room?.isFree === false) {
      noteRefused(jail, id, made.at);
      return 'refused';
    }
    putBan(jail, id, made);
    if (known !== null) noteLogBan(known, jail, id);
    return 'banned';
  };
  const byLog = (): number => [...jail.bans.values()].filter(({ origin }) => origin === 'log').length;
  return { jail, ban, byLog, known: () => known };
}

/** An address that looks chosen at random, the same ones in each run. */
const scattered = (i: number): string => {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return `${20 + ((mixed >>> 24) % 180)}.${(mixed >>> 16) & 255}.${(mixed >>> 8) & 255}.${mixed & 255}`;
};

describe('maxbans', () => {
  it('below half of it every network keeps its bans', () => {
    const { jail, ban } = flooded(limitOf(1000));
    for (let i = 0; i < 250; i++) ban(`203.0.113.${i}`);
    for (let i = 0; i < 250; i++) ban(`2001:db8:0:${i.toString(16)}::/64`);
    assert.equal(jail.bans.size, 500);
  });

  it('a flood from one IPv6 network becomes one ban of it, of the /48 or of the /32', () => {
    const narrow = flooded(limitOf(1000));
    for (let i = 0; i < 3000; i++) narrow.ban(`2001:db8:7:${i.toString(16)}::/64`);
    assert.deepEqual([...narrow.jail.bans.keys()], ['2001:db8:7::/48']);
    const wide = flooded(limitOf(10_000));
    for (let i = 0; i < 30_000; i++) {
      const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
      wide.ban(`2001:db8:${(mixed >>> 16).toString(16)}:${(mixed & 0xffff || 1).toString(16)}::/64`);
    }
    assert.deepEqual([...wide.jail.bans.keys()], ['2001:db8::/32']);
  });

  it("the network's ban lasts as long as one of its hosts'; a host that is banned for longer, for ever or by hand stays", () => {
    const { jail, ban } = flooded(limitOf(80));
    ban('203.0.113.1', banAt(1000, { until: 1_000_000 }));
    ban('203.0.113.2', banAt(1000, { until: null }));
    putBan(jail, '203.0.113.3', banAt(1000, { origin: 'hand' }));
    for (let i = 4; i < 60; i++) ban(`203.0.113.${i}`, banAt(1000 + i));
    assert.deepEqual([...jail.bans.keys()], ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.0/24']);
    const network = jail.bans.get('203.0.113.0/24');
    assert.ok(network?.until !== null && network?.until !== undefined);
    assert.equal(network.until, network.at + BANTIME);
  });

  it('networks that may not be banned, and bans for ever, are not rolled up: beyond half the newest are refused', () => {
    for (const limit of [limitOf(100, { mayBan: () => false }), limitOf(100, { bantime: null })]) {
      const { jail, ban } = flooded(limit);
      const until = limit.bantime === null ? null : 4600;
      const kinds = Array.from({ length: 200 }, (_, i) => ban(`203.0.113.${i}`, banAt(1000, { until })));
      assert.deepEqual([jail.bans.size, kinds.indexOf('refused'), kinds.lastIndexOf('banned')], [50, 50, 49]);
    }
  });

  it('one network with many addresses leaves room for others, a /16 as well as all /16 of a /8 and all /32 of a /20', () => {
    const floods: readonly ((i: number) => string)[] = [
      (i) => `203.0.${(i >> 8) & 255}.${i & 255}`,
      (i) => `203.${i & 255}.${(i >> 8) & 255}.7`,
      (i) => `2001:db8:${i.toString(16)}:1::/64`,
      (i) => `2001:d${(i & 255).toString(16).padStart(2, '0')}:${(i >> 8).toString(16)}:1::/64`,
    ];
    for (const flood of floods) {
      const { jail, ban, byLog } = flooded(limitOf(1000, { mayBan: () => false }));
      const honest = Array.from({ length: 150 }, (_, i) => `${20 + i}.7.7.7`);
      for (const id of honest.slice(0, 50)) assert.equal(ban(id), 'banned');
      for (let i = 0; i < 5000; i++) ban(flood(i));
      assert.equal(byLog(), 500, flood(0));
      for (const id of honest.slice(50)) assert.equal(ban(id), 'banned');
      assert.ok(honest.every((id) => jail.bans.has(id)));
    }
  });

  it('a flood of scattered addresses pushes nobody out, and an eighth is left for those that come back', () => {
    const { jail, ban, byLog } = flooded(limitOf(1000));
    const honest = (i: number): string => `${20 + i}.7.7.7`;
    for (let i = 0; i < 50; i++) assert.equal(ban(honest(i)), 'banned');
    for (let i = 0; i < 20_000; i++) ban(scattered(i));
    assert.equal(byLog(), 875);
    for (let i = 50; i < 150; i++) assert.deepEqual([ban(honest(i)), ban(honest(i))], ['refused', 'banned']);
    for (let i = 20_000; i < 30_000; i++) assert.equal(ban(scattered(i)), 'refused');
    for (let i = 0; i < 150; i++) assert.ok(jail.bans.has(honest(i)));
    for (let i = 0; i < 200; i++) ban(scattered(20_000 + i));
    assert.equal(byLog(), 1000);
    assert.equal(bansOf(jail, scattered(29_999)), 0, 'a refusal is no ban');
  });

  it('bans by hand neither count nor go, bans for ever count', () => {
    const { jail, ban, byLog } = flooded(limitOf(100));
    for (let i = 0; i < 500; i++) putBan(jail, scattered(i), banAt(1000, { origin: 'hand' }));
    for (let i = 0; i < 50; i++) ban(`${20 + i}.1.1.1`, banAt(1000, { until: null }));
    for (let i = 500; i < 2000; i++) ban(scattered(i));
    const hand = [...jail.bans.values()].filter(({ origin }) => origin === 'hand').length;
    const forEver = [...jail.bans.values()].filter(({ until }) => until === null).length;
    assert.deepEqual([hand, forEver, byLog()], [500, 50, 88]);
  });

  it('what ends leaves room, whether it is told or not', () => {
    const { jail, ban, known } = flooded(limitOf(100));
    for (let i = 0; i < 300; i++) ban(scattered(i));
    assert.equal(ban('203.0.113.200'), 'refused');
    const [first = '', second = ''] = jail.bans.keys();
    jail.bans.delete(first);
    for (const id of ['203.0.113.201', '203.0.113.202']) ban(id);
    assert.deepEqual([jail.bans.has('203.0.113.201'), jail.bans.has('203.0.113.202')], [true, false]);
    const counted = known();
    const ended = endBan(jail, second);
    assert.ok(counted !== null && ended !== null);
    noteEnd(counted, second, ended);
    assert.deepEqual(countLogBans(jail, 100, counted), counted, 'it is not counted again');
    assert.equal(ban('203.0.113.203'), 'banned');
    assert.equal(known(), counted);
  });

  it('crowdOf() tells how full a jail is, what was refused, and the networks', () => {
    const { jail, ban } = flooded(limitOf(100));
    for (let i = 0; i < 300; i++) ban(scattered(i));
    for (let i = 0; i < 3; i++) putBan(jail, `203.0.113.${i}`, banAt(1000, { origin: 'hand' }));
    assert.deepEqual(crowdOf(jail, 100, 64), { count: 88, isFull: true, refused: 212, networks: [] });
    const rolled = flooded(limitOf(1000));
    for (let i = 0; i < 3000; i++) rolled.ban(`2001:db8:7:${i.toString(16)}::/64`);
    rolled.ban('2001:db8:8:1::/64');
    const { networks, isFull } = crowdOf(rolled.jail, 1000, 64);
    assert.deepEqual([networks, isFull], [['2001:db8:7::/48'], false]);
  });

  it('ids that are no addresses are of no network', () => {
    const { jail, ban } = flooded(limitOf(100));
    for (let i = 0; i < 150; i++) ban(`a:${i}:b`);
    for (let i = 0; i < 150; i++) ban(`1.2.3.${i + 256}`);
    assert.equal(jail.bans.size, 88);
    assert.deepEqual(
      [...jail.bans.keys()].filter((id) => id.includes('/')),
      [],
    );
    assert.deepEqual(crowdedNetworks('a:1:b'), []);
    assert.deepEqual(crowdedNetworks('198.51.100.7'), ['198.51.100.0/24', '198.51.0.0/16']);
    assert.deepEqual(crowdedNetworks('2001:db8::/64'), ['2001:db8::/48', '2001:db8::/32']);
    assert.deepEqual(crowdedNetworks('198.51.100.0/24'), ['198.51.0.0/16']);
  });
});
