import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printPages, readState } from '../../src/state/json.ts';
import {
  addBan,
  addOrder,
  applyOrders,
  type Ban,
  bansOf,
  emptyState,
  endBan,
  expireBans,
  jailState,
  liftBan,
  MOST_PAST,
  nextExpiry,
  noteRefused,
  purgePast,
  shiftBans,
} from '../../src/state/state.ts';

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
  assert.equal(addBan(state, 'sshd', '192.0.2.7', ban(null)), 'new');
  assert.equal(addBan(state, 'sshd', '192.0.2.7', ban(null)), 'kept');
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

test('addBan() lets the later end win, and begins anew what is over', () => {
  const state = emptyState();
  const end = () => state.jails.get('a')?.bans.get('x')?.until;
  for (const [until, effect, left] of [
    [1500, 'new', 1500],
    [1400, 'kept', 1500],
    [1600, 'prolonged', 1600],
    [null, 'prolonged', null],
    [9999, 'kept', null],
  ] as const) {
    assert.equal(addBan(state, 'a', 'x', ban(until)), effect);
    assert.equal(end(), left);
  }
  addBan(state, 'a', 'y', ban(1500));
  assert.equal(addBan(state, 'a', 'y', { ...ban(1700), at: 1500 }), 'new');
});

test('addBan() keeps the later one of two trials, and forgets one that the ban outlasts', () => {
  const state = emptyState();
  const trial = () => state.jails.get('a')?.bans.get('x')?.confirmed;
  addBan(state, 'a', 'x', { ...ban(1100), confirmed: { until: 1500 } });
  assert.equal(addBan(state, 'a', 'x', { ...ban(1050), confirmed: { until: 1800 } }), 'prolonged');
  assert.deepEqual(trial(), { until: 1800 });
  addBan(state, 'a', 'x', ban(1700));
  assert.deepEqual(trial(), { until: 1800 });
  addBan(state, 'a', 'x', ban(1800));
  assert.equal(trial(), undefined);
});

test('shiftBans() moves what a ban has of time, and leaves those for ever', () => {
  const state = emptyState();
  addBan(state, 'a', 'x', { ...ban(1100), confirmed: { until: null } });
  addBan(state, 'a', 'y', ban(null));
  shiftBans(state, 3600);
  const bans = state.jails.get('a')?.bans;
  assert.deepEqual([bans?.get('x')?.at, bans?.get('x')?.until], [4600, 4700]);
  assert.deepEqual([bans?.get('x')?.confirmed, bans?.get('y')?.until], [{ until: null }, null]);
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

test('addOrder() of a ban that is over keeps the higher number of bans', () => {
  const state = emptyState();
  const order = (count: number) =>
    addOrder(state, { kind: 'past', jail: 'web', id: '192.0.2.7', past: { count, last: 900, until: 950 } });
  assert.deepEqual([order(2), order(1), order(3)], ['noted', 'none', 'noted']);
  assert.equal(state.jails.get('web')?.past.get('192.0.2.7')?.count, 3);
  const read = readState(Buffer.concat(printPages(state, 1000)).toString());
  assert.deepEqual(read.kind === 'ok' && read.state.orders, state.orders);
});

test("applyOrders() repeats each order once on the daemon's own copy", () => {
  const own = emptyState();
  const file = emptyState();
  addOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.7', ban: ban(null) });
  addOrder(file, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' });
  addOrder(file, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(null) });
  assert.deepEqual(
    applyOrders(own, file, 0).map(({ effect }) => effect),
    ['new', 'lifted', 'new'],
  );
  assert.deepEqual([...(own.jails.get('sshd')?.bans.keys() ?? [])], ['192.0.2.8']);
  assert.equal(own.seq, 3);
  assert.equal(applyOrders(own, file, own.seq).length, 0);
});

test('addOrder() writes no order for what changes nothing', () => {
  const state = emptyState();
  assert.equal(addOrder(state, { kind: 'unban', jail: 'sshd', id: '192.0.2.7' }), 'none');
  assert.deepEqual([state.orders.length, state.seq], [0, 0]);
});

test('past bans are limited, and a flood of new ids does not make repeated offenders forgotten', () => {
  const jail = jailState(emptyState(), 'sshd');
  const ban: Ban = { at: 1, until: 2, failures: 1, count: 1, origin: 'log', matches: [], pending: null };
  jail.bans.set('192.0.2.7', { ...ban, count: 2 });
  endBan(jail, '192.0.2.7');
  for (let i = 0; i < MOST_PAST + 10; i++) {
    jail.bans.set(`2001:db8::${i.toString(16)}`, ban);
    endBan(jail, `2001:db8::${i.toString(16)}`);
  }
  for (let i = 0; i < MOST_PAST + 10; i++) noteRefused(jail, `192.0.${i}`, 3);
  assert.ok(jail.past.size <= MOST_PAST);
  assert.equal(jail.past.get('192.0.2.7')?.count, 2);
});
