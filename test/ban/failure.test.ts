import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedId, countedId, countPlain, type Decision, handleFailure } from '../../src/ban/failure.ts';
import { makeIgnoreList } from '../../src/ban/ignore.ts';
import type { RunningJail } from '../../src/ban/jail.ts';
import { parseIp4, parseNetwork } from '../../src/base/ip.ts';
import type { Jail } from '../../src/config/jail.ts';
import { emptyState, jailState } from '../../src/state/state.ts';

const place = { file: 'test', line: 1 };
const increment = {
  enabled: false,
  factor: 1,
  formula: null,
  multipliers: [],
  maxtime: null,
  rndtime: 0,
  overalljails: false,
};

function jailWith(more: Partial<Jail>, ignored: readonly string[] = []): RunningJail {
  const jail: Jail = {
    name: 'sshd',
    place,
    filter: {
      name: 'sshd',
      prefregex: null,
      failregex: [],
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    },
    backend: 'auto',
    backendOptions: new Map(),
    journalInstead: true,
    logpath: [],
    logencoding: 'auto',
    logtimezone: null,
    usedns: 'no',
    maxretry: 3,
    findtime: 600,
    bantime: 3600,
    maxmatches: 0,
    increment,
    ignore: { self: false, networks: [], names: [], files: [], command: null, cache: null },
    ipv6prefix: 64,
    protectssh: true,
    maxbans: 50_000,
    rollup: null,
    actions: [],
    ...more,
  };
  const { maxretry, findtime, bantime, maxmatches } = jail;
  return {
    jail,
    filter: null,
    filterState: null,
    limits: { maxretry, findtime, bantime, maxmatches, increment, escalate: (time) => time },
    ignore: makeIgnoreList(ignored.flatMap((text) => parseNetwork(text) ?? [])),
  };
}

const NOW = 1000;

const protection = { gateways: new Set(['192.0.2.254']), sessions: new Set(['192.0.2.253']) };

/** A state, and what failures in a jail lead to in it. */
function judging(jail: RunningJail) {
  const state = emptyState();
  const context = { state, protection: () => protection, neighbours: new Map(), logBans: new Map() };
  const fail = (id: string, time = NOW): Decision =>
    handleFailure(context, jail, { id, time, matches: [] }, Math.max(NOW, time));
  return { state, fail, own: () => jailState(state, jail.jail.name) };
}

test('handleFailure() counts until maxretry, then the ban is in the state', () => {
  const { fail, own } = judging(jailWith({}));
  assert.deepEqual(fail('192.0.2.7'), { kind: 'counted' });
  assert.deepEqual(fail('192.0.2.7'), { kind: 'counted' });
  const decision = fail('192.0.2.7');
  assert.ok(decision.kind === 'ban');
  assert.deepEqual([decision.id, decision.room.rolledUp], ['192.0.2.7', []]);
  assert.equal(own().bans.get('192.0.2.7'), decision.ban);
  assert.equal(decision.ban.until, NOW + 3600);
});

test('handleFailure() counts no id that is never banned', () => {
  const { fail, state } = judging(jailWith({ maxretry: 1 }, ['192.0.2.0/24']));
  assert.deepEqual(fail('192.0.2.7'), { kind: 'ignored', because: 'ip' });
  assert.equal(state.jails.size, 0);
});

test('handleFailure() prolongs the ban of an id that goes on failing', () => {
  const { fail, own } = judging(jailWith({ maxretry: 1 }));
  assert.equal(fail('192.0.2.7').kind, 'ban');
  assert.deepEqual(fail('192.0.2.7'), { kind: 'already', id: '192.0.2.7' });
  assert.deepEqual(fail('192.0.2.7', NOW + 1), { kind: 'prolonged', id: '192.0.2.7', until: NOW + 3601 });
  assert.deepEqual([own().bans.get('192.0.2.7')?.until, own().totalBanned], [NOW + 3601, 1]);
});

test('handleFailure() makes no ban that would be over already', () => {
  const { fail, own } = judging(jailWith({ maxretry: 1, bantime: 10 }));
  assert.deepEqual(fail('192.0.2.7', 100), { kind: 'counted' });
  assert.equal(own().bans.size, 0);
});

test('handleFailure() makes no ban that would lock out the admin', () => {
  const { fail, own } = judging(jailWith({ maxretry: 1 }));
  const because = 'somebody is logged in by SSH from there';
  assert.deepEqual(fail('192.0.2.253'), { kind: 'guarded', id: '192.0.2.253', because });
  assert.equal(own().bans.size, 0);
  const open = judging(jailWith({ maxretry: 1, protectssh: false }));
  assert.equal(open.fail('192.0.2.253').kind, 'ban');
});

test('handleFailure() counts IPv6 by the /64', () => {
  const { fail } = judging(jailWith({ maxretry: 2 }));
  assert.equal(fail('2001:db8::1').kind, 'counted');
  const decision = fail('2001:db8::2');
  assert.equal(decision.kind === 'ban' && decision.id, '2001:db8::/64');
});

test('handleFailure() puts one ban of a network in the place of its hosts', () => {
  const { fail, own } = judging(
    jailWith({ maxretry: 1, rollup: { v4: { hosts: 2, prefix: 24 }, v6: null } }),
  );
  fail('198.51.100.7');
  const decision = fail('198.51.100.8');
  assert.ok(decision.kind === 'ban');
  const [rolled] = decision.room.rolledUp;
  assert.deepEqual([decision.id, rolled?.network], ['198.51.100.8', '198.51.100.0/24']);
  assert.deepEqual(rolled?.hosts, ['198.51.100.7', '198.51.100.8']);
  assert.deepEqual([...own().bans], [['198.51.100.0/24', rolled?.ban]]);
  assert.deepEqual(fail('198.51.100.9'), { kind: 'already', id: '198.51.100.9' });
  const later = { kind: 'prolonged', id: '198.51.100.0/24', until: NOW + 3601 };
  assert.deepEqual(fail('198.51.100.9', NOW + 1), later);
  // The network holds the gateway.
  fail('192.0.2.7');
  const single = fail('192.0.2.8');
  assert.deepEqual(single.kind === 'ban' && single.room.rolledUp, []);
});

test('handleFailure() keeps the bans of a log within maxbans, and networks with somebody protected are not rolled up', () => {
  const jail = jailWith({ maxretry: 1, maxbans: 64 }, ['198.51.100.77']);
  const { fail, own } = judging(jail);
  const from = (network: string): string[] =>
    Array.from({ length: 60 }, (_, i) => fail(`${network}.${i + 1}`).kind);
  // The gateway and a login are in the first, an ignored address in the second.
  assert.equal(from('192.0.2').filter((kind) => kind === 'full').length, 28);
  assert.equal(from('198.51.100').filter((kind) => kind === 'full').length, 36);
  assert.equal([...own().bans.keys()].filter((id) => id.includes('/')).length, 0);
  assert.equal(own().bans.size, 56);
  assert.deepEqual([fail('203.0.113.1').kind, fail('203.0.113.1').kind], ['full', 'ban']);
});

test('a network that was rolled up for want of room holds its hosts, and a repeated failure prolongs it', () => {
  const { fail, own } = judging(jailWith({ maxretry: 1, maxbans: 40 }));
  const kinds = Array.from({ length: 40 }, (_, i) => fail(`203.0.113.${i + 1}`).kind);
  assert.deepEqual([kinds.indexOf('held'), kinds.lastIndexOf('ban')], [32, 31]);
  assert.deepEqual([...own().bans.keys()], ['203.0.113.0/24']);
  assert.equal(fail('203.0.113.200').kind, 'already');
  const later = { kind: 'prolonged', id: '203.0.113.0/24', until: NOW + 3601 };
  assert.deepEqual(fail('203.0.113.9', NOW + 1), later);
});

test('a jail with ignorecommand does not roll up for want of room, since the command is asked about addresses', () => {
  const { ignore } = jailWith({}).jail;
  const asking = { ...ignore, command: 'true' };
  const { fail, own } = judging(jailWith({ maxretry: 1, maxbans: 40, ignore: asking }));
  for (let i = 1; i <= 60; i++) fail(`203.0.113.${i}`);
  assert.equal(own().bans.size, 32);
});

test('countPlain() counts as handleFailure() does, up to the failure that would ban', () => {
  const ip = parseIp4('192.0.2.7') ?? 0;
  const jail = jailWith({});
  const { state, fail, own } = judging(jail);
  assert.deepEqual([countPlain(state, jail, ip, NOW), countPlain(state, jail, ip, NOW)], [true, true]);
  assert.equal(own().totalFailed, 2);
  assert.equal(countPlain(state, jail, ip, NOW), false);
  assert.equal(fail('192.0.2.7').kind, 'ban');
  assert.equal(own().totalFailed, 3);
});

test('countPlain() leaves to handleFailure() what needs more than a count', () => {
  const ip = parseIp4('192.0.2.7') ?? 0;
  const { ignore } = jailWith({}).jail;
  const plain = jailWith({});
  for (const jail of [
    jailWith({ maxmatches: 5 }),
    jailWith({ rollup: { v4: { hosts: 2, prefix: 24 }, v6: null } }),
    jailWith({ ignore: { ...ignore, command: 'true' } }),
    jailWith({}, ['192.0.2.0/24']),
    { ...plain, limits: { ...plain.limits, increment: { ...increment, enabled: true } } },
  ])
    assert.equal(countPlain(emptyState(), jail, ip, NOW), false);
});

test('countedId() leaves everything alone that is no IPv6 address', () => {
  for (const id of ['192.0.2.7', 'a:user', 'fe80::zz', '2001:db8::/32']) assert.equal(countedId(id, 64), id);
  assert.equal(countedId('2001:db8::1', 128), '2001:db8::1');
});

test('bannedId() takes the single address where its /64 holds an id that is never banned', () => {
  const { ignore } = jailWith({}, ['2001:db8::5']);
  assert.equal(bannedId('2001:db8::1', 64, ignore, protection), '2001:db8::1');
  assert.equal(bannedId('2001:db8:0:1::1', 64, ignore, protection), '2001:db8:0:1::/64');
});
