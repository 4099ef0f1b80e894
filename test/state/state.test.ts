import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readState } from '../../src/state/json.ts';
import {
  addBan,
  addOrder,
  applyOrders,
  type Ban,
  bansOf,
  emptyState,
  expireBans,
  jailState,
  liftBan,
  nextExpiry,
  purgePast,
  type State,
} from '../../src/state/state.ts';
import { printState } from './print.ts';

const ban = (until: number | null): Ban => ({
  at: 1000,
  until,
  failures: 3,
  count: 1,
  origin: 'log',
  matches: [],
  pending: null,
});

test('addBan() counts a total that liftBan() does not lower', () => {
  const state = emptyState();
  assert.equal(addBan(state, 'sshd', '192.0.2.7', ban(null)), true);
  assert.equal(addBan(state, 'sshd', '192.0.2.7', ban(null)), false);
  assert.equal(liftBan(state, 'sshd', '192.0.2.7'), true);
  assert.equal(liftBan(state, 'sshd', '192.0.2.7'), false);
  assert.equal(state.jails.get('sshd')?.totalBanned, 1);
});

test('liftBan() forgets the failures, so that the next one does not ban at once', () => {
  const state = emptyState();
  jailState(state, 'sshd').failures.set('192.0.2.7', {
    retry: 2,
    first: 1,
    last: 2,
    failures: 2,
    matches: [],
  });
  addBan(state, 'sshd', '192.0.2.7', ban(null));
  liftBan(state, 'sshd', '192.0.2.7');
  assert.equal(state.jails.get('sshd')?.failures.size, 0);
});

test('expireBans() ends what is due and leaves permanent bans', () => {
  const state = emptyState();
  addBan(state, 'a', '192.0.2.1', ban(1500));
  addBan(state, 'a', '192.0.2.2', ban(1501));
  addBan(state, 'b', '192.0.2.3', ban(null));
  assert.equal(nextExpiry(state), 1500);
  assert.deepEqual(
    expireBans(state, 1500).map(({ id }) => id),
    ['192.0.2.1'],
  );
  assert.equal(nextExpiry(state), 1501);
});

test('bansOf() counts the standing ban, and after its end the past one until that is purged', () => {
  const state = emptyState();
  addBan(state, 'a', '192.0.2.1', { ...ban(1500), count: 3 });
  assert.equal(bansOf(state.jails.get('a'), '192.0.2.1'), 3);
  expireBans(state, 1500);
  assert.equal(bansOf(state.jails.get('a'), '192.0.2.1'), 3);
  purgePast(state, 1500 + 86401, 86400);
  assert.equal(bansOf(state.jails.get('a'), '192.0.2.1'), 0);
});

test("applyOrders() repeats each order once on the daemon's own copy", () => {
  const own = emptyState();
  const file = emptyState();
  addOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.7', ban: ban(null) });
  addOrder(file, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' });
  addOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(null) });
  assert.equal(applyOrders(own, file, 0).length, 3);
  assert.deepEqual([...(own.jails.get('sshd')?.bans.keys() ?? [])], ['192.0.2.8']);
  assert.equal(own.seq, 3);
  assert.equal(applyOrders(own, file, own.seq).length, 0);
});

test('addOrder() writes no order for what changes nothing', () => {
  const state = emptyState();
  assert.equal(addOrder(state, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' }), false);
  assert.deepEqual([state.orders.length, state.seq], [0, 0]);
});

test('readState() reads what printState() printed', () => {
  const state = emptyState();
  jailState(state, 'sshd').failures.set('__proto__', {
    retry: 2,
    first: 1,
    last: 2,
    failures: 2,
    matches: ['x'],
  });
  addBan(state, 'a jail', '2001:db8::/64', { ...ban(null), pending: 'set full' });
  addOrder(state, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(7) });
  const position = { kind: 'journal', cursor: 's=1', realtime: 12 };
  state.positions.set('journal', position);
  const waiting = { jail: 'sshd', id: 'bad.example', isName: true, time: 4, matches: ['a "line"'] };
  state.waiting = [waiting, { ...waiting, id: '192.0.2.1', isName: false }].map((one) => {
    return { ...one, fields: new Map([['user', 'x']]) };
  });
  const { failures } = jailState(state, 'sshd');
  failures.set('plain', { retry: 1, first: 1.5, last: 2, failures: 1, matches: [] });
  jailState(state, 'sshd').past.set('192.0.2.9', { count: 2, last: 5, until: null });
  state.repairs.set('nftables', { count: 1, last: 2 });
  state.sources.set('/var/log/secure', {
    state: 'reading',
    trouble: null,
    openedAt: 1,
    lastLine: null,
    bytes: 2,
    lag: 0,
    errors: 0,
    cutLines: 0,
    skippedBytes: 0,
    rotations: 0,
    truncations: 0,
    lostFiles: 0,
    jails: {
      sshd: {
        ...{ lastMatch: 3, sampled: 4, dated: 4, prefixed: null },
        stuck: [{ regex: null, text: '^x', from: 16, strikes: 3, skipped: 1, line: 'x', last: 2 }],
      },
    },
  });
  const read = readState(printState(state, 5));
  assert.equal(read.kind, 'ok');
  if (read.kind !== 'ok') return;
  assert.deepEqual(read.state, { ...state, saved: 5 });
  const counts = ({ jails }: State) => [...jails].map(([name, jail]) => [name, new Map(jail.failures)]);
  assert.deepEqual(counts(read.state), counts(state));
});

test('readState() calls a file damaged or newer, and never half-reads it', () => {
  const whole = printState(emptyState(), 5);
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"version":1}',
    whole.slice(0, -8),
    whole.replace('"seq":0', '"seq":"x"'),
  ]) {
    assert.equal(readState(text).kind, 'damaged', text);
  }
  assert.deepEqual(readState(whole.replace('"version":1', '"version":2')), { kind: 'newer', version: 2 });
});
