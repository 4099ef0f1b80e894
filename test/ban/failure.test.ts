import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedId, type Candidate, countedId, handleFailure } from '../../src/ban/failure.ts';
import { makeIgnoreList } from '../../src/ban/ignore.ts';
import type { RunningJail } from '../../src/ban/jail.ts';
import { formatIp4, parseNetwork } from '../../src/base/ip.ts';
import type { Log } from '../../src/base/log.ts';
import type { Jail } from '../../src/config/jail.ts';
import { emptyState, type State } from '../../src/state/state.ts';

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
    ignore: makeIgnoreList(
      ignored.flatMap((text) => parseNetwork(text) ?? []),
      [],
    ),
  };
}

/** Feeds failures and answers the log without times, and who was banned. */
function feed(jail: RunningJail, candidates: readonly Candidate[], state: State = emptyState()) {
  const lines: string[] = [];
  const banned: string[] = [];
  const still: string[] = [];
  const log: Log = {
    isOn: () => true,
    write: (level, _, text) => void lines.push(`${level} ${text.replace(/ - \d{4}.*/, '')}`),
    found: (name, ip) => void lines.push(`INFO [${name}] Found ${formatIp4(ip)}`),
    flush: () => undefined,
    reopen: () => undefined,
  };
  const parts = {
    state,
    log,
    protection: () => ({ gateways: new Set(['192.0.2.254']), sessions: new Set(['192.0.2.253']) }),
    neighbours: new Map(),
    onReplaced: () => undefined,
    onBan: (_: RunningJail, id: string) => void banned.push(id),
    onStillThere: (_: RunningJail, id: string) => void still.push(id),
  };
  for (const candidate of candidates) handleFailure(parts, jail, candidate, Math.max(1000, candidate.time));
  return { lines, banned, still, state };
}

const fail = (id: string, time = 1000): Candidate => ({ id, time, lines: [] });

test('handleFailure() logs each failure and the ban as fail2ban does', () => {
  const { lines, banned } = feed(jailWith({}), [fail('192.0.2.7'), fail('192.0.2.7'), fail('192.0.2.7')]);
  assert.deepEqual(lines, [
    'INFO [sshd] Found 192.0.2.7',
    'INFO [sshd] Found 192.0.2.7',
    'INFO [sshd] Found 192.0.2.7',
    'NOTICE [sshd] Ban 192.0.2.7',
  ]);
  assert.deepEqual(banned, ['192.0.2.7']);
});

test('handleFailure() counts nobody who is never banned', () => {
  const jail = jailWith({ maxretry: 1 }, ['192.0.2.0/24']);
  const { lines, banned, state } = feed(jail, [fail('192.0.2.7')]);
  assert.deepEqual(lines, ['INFO [sshd] Ignore 192.0.2.7 by ip']);
  assert.deepEqual([banned.length, state.jails.size], [0, 0]);
});

test('handleFailure() tells that somebody goes on whose ban stands', () => {
  const { lines, banned, still } = feed(jailWith({ maxretry: 1 }), [
    fail('192.0.2.7'),
    fail('192.0.2.7', 1001),
  ]);
  assert.equal(lines.at(-1), 'NOTICE [sshd] 192.0.2.7 already banned');
  assert.deepEqual([banned, still], [['192.0.2.7'], ['192.0.2.7']]);
});

test('handleFailure() makes no ban that would be over already', () => {
  const jail = jailWith({ maxretry: 1, bantime: 10 });
  assert.deepEqual(feed(jail, [fail('192.0.2.7', 100)]).banned, []);
});

test('handleFailure() counts IPv6 by the /64, and names the address that failed', () => {
  const { lines, banned } = feed(jailWith({ maxretry: 2 }), [fail('2001:db8::1'), fail('2001:db8::2')]);
  assert.equal(lines[1], 'INFO [sshd] Found 2001:db8::2');
  assert.deepEqual(banned, ['2001:db8::/64']);
});

test('countedId() leaves everything alone that is no IPv6 address', () => {
  for (const id of ['192.0.2.7', 'a:user', 'fe80::zz', '2001:db8::/32']) assert.equal(countedId(id, 64), id);
  assert.equal(countedId('2001:db8::1', 128), '2001:db8::1');
});

test('bannedId() takes the single address where its /64 holds somebody who is never banned', () => {
  const { ignore } = jailWith({}, ['2001:db8::5']);
  assert.equal(bannedId('2001:db8::1', 64, ignore), '2001:db8::1');
  assert.equal(bannedId('2001:db8:0:1::1', 64, ignore), '2001:db8:0:1::/64');
});
