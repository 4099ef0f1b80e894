import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BanLimit,
  countLogBans,
  crowdedNetworks,
  type LogBans,
  makeRoom,
  noteLogBan,
} from '../../src/ban/maxbans.ts';
import { type Ban, emptyState, type JailState, jailState, putBan } from '../../src/state/state.ts';

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
  let changes = 0;
  const ban = (id: string, made: Ban = banAt(1000)): 'banned' | 'held' | 'refused' => {
    known = countLogBans(jail, limit.maxbans, known);
    const room = known === null ? null : makeRoom(jail, known, id, limit);
    changes += (room?.ended.length ?? 0) + (room?.rolledUp.length ?? 0);
    if (crowdedNetworks(id).some((network) => jail.bans.has(network))) return 'held';
    if (room?.isFree === false) return 'refused';
    putBan(jail, id, made);
    if (known !== null) noteLogBan(known, jail, id, made);
    return 'banned';
  };
  const byLog = (): number => [...jail.bans.values()].filter(({ origin }) => origin === 'log').length;
  return { jail, ban, byLog, changes: () => changes };
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

  it('networks that may not be banned, and bans for ever, are not rolled up: the newest are refused', () => {
    for (const limit of [limitOf(100, { mayBan: () => false }), limitOf(100, { bantime: null })]) {
      const { jail, ban } = flooded(limit);
      const until = limit.bantime === null ? null : 4600;
      const kinds = Array.from({ length: 200 }, (_, i) => ban(`203.0.113.${i}`, banAt(1000, { until })));
      assert.deepEqual(
        [jail.bans.size, kinds.indexOf('refused'), kinds.lastIndexOf('banned')],
        [100, 100, 99],
      );
    }
  });

  it('one network with many addresses pushes out nobody else, and leaves room for those who come later', () => {
    const { jail, ban, byLog } = flooded(limitOf(1000, { mayBan: () => false }));
    const honest = Array.from({ length: 200 }, (_, i) => `${20 + i}.7.7.7`);
    for (const id of honest.slice(0, 100)) assert.equal(ban(id), 'banned');
    for (let i = 0; i < 5000; i++) ban(`2001:db8:${i.toString(16)}:1::/64`);
    for (const id of honest.slice(100)) {
      assert.equal(ban(id), 'banned');
      for (let i = 5000; i < 5020; i++) ban(`2001:db8:${i.toString(16)}:2::/64`);
    }
    assert.deepEqual(
      honest.filter((id) => !jail.bans.has(id)),
      [],
    );
    assert.ok(byLog() <= 1000 && byLog() > 950, `${byLog()}`);
  });

  it('the newest bans of the largest network go first', () => {
    const { jail, ban } = flooded(limitOf(64, { mayBan: () => false }));
    for (let i = 0; i < 64; i++) ban(`198.51.100.${i}`);
    assert.equal(ban('203.0.113.1'), 'banned');
    assert.deepEqual([jail.bans.has('198.51.100.63'), jail.bans.has('198.51.100.62')], [false, true]);
    assert.ok(jail.past.has('198.51.100.63'), 'it is remembered');
  });

  it('bans by hand neither count nor go, bans for ever count', () => {
    const { jail, ban, byLog } = flooded(limitOf(100));
    for (let i = 0; i < 500; i++) putBan(jail, scattered(i), banAt(1000, { origin: 'hand' }));
    for (let i = 0; i < 50; i++) ban(`${20 + i}.1.1.1`, banAt(1000, { until: null }));
    for (let i = 500; i < 2000; i++) ban(scattered(i));
    const hand = [...jail.bans.values()].filter(({ origin }) => origin === 'hand').length;
    const forEver = [...jail.bans.values()].filter(({ until }) => until === null).length;
    assert.deepEqual([hand, forEver, byLog()], [500, 50, 100]);
  });

  it('what others change is noticed: ended bans leave room', () => {
    const { jail, ban } = flooded(limitOf(100, { mayBan: () => false }));
    for (let i = 0; i < 120; i++) ban(`203.0.113.${i}`);
    assert.equal(ban('203.0.113.200'), 'refused');
    jail.bans.delete('203.0.113.5');
    assert.equal(ban('203.0.113.200'), 'banned');
    assert.equal(ban('203.0.113.201'), 'refused');
  });

  it('a flood of scattered addresses settles: bans are not exchanged for ever', () => {
    const { jail, ban, changes } = flooded(limitOf(1000));
    for (let i = 0; i < 50_000; i++) ban(scattered(i));
    const settled = changes();
    for (let i = 50_000; i < 60_000; i++) ban(scattered(i));
    assert.ok(
      jail.bans.size <= 1000 && settled <= 3000 && changes() - settled < 50,
      `${settled} ${changes()}`,
    );
  });

  it('ids that are no addresses are one network, and never an address', () => {
    const { jail, ban } = flooded(limitOf(100));
    for (let i = 0; i < 150; i++) ban(`a:${i}:b`);
    for (let i = 0; i < 150; i++) ban(`1.2.3.${i + 256}`);
    assert.equal(jail.bans.size, 100);
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
