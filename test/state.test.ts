import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addBan,
  type Ban,
  emptyState,
  expireBans,
  giveOrder,
  jailState,
  liftBan,
  nextExpiry,
  takeOrders,
} from '../src/state.ts';
import { printState, readState } from '../src/statejson.ts';

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

test("takeOrders() repeats each order once on the daemon's own copy", () => {
  const own = emptyState();
  const file = emptyState();
  giveOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.7', ban: ban(null) });
  giveOrder(file, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' });
  giveOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(null) });
  assert.equal(takeOrders(own, file, 0).length, 3);
  assert.deepEqual([...(own.jails.get('sshd')?.bans.keys() ?? [])], ['192.0.2.8']);
  assert.equal(own.seq, 3);
  assert.equal(takeOrders(own, file, own.seq).length, 0);
});

test('giveOrder() writes no order for what changes nothing', () => {
  const state = emptyState();
  assert.equal(giveOrder(state, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' }), false);
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
  giveOrder(state, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(7) });
  state.positions.set('/var/log/secure', { offset: 12 });
  const read = readState(printState(state, 5));
  assert.equal(read.kind, 'ok');
  if (read.kind === 'ok') assert.deepEqual(read.state, { ...state, saved: 5 });
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
