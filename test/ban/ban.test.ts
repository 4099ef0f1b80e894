import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bansBefore, countAndDecide, type Limits, makeBan } from '../../src/ban/ban.ts';
import type { Increment } from '../../src/config/jail.ts';
import { addBan, emptyState, jailState, liftBan } from '../../src/state/state.ts';

const increment: Increment = {
  enabled: false,
  factor: 1,
  formula: null,
  multipliers: [],
  maxtime: null,
  rndtime: 0,
  overalljails: false,
};
const limits: Limits = {
  maxretry: 3,
  findtime: 600,
  bantime: 3600,
  maxmatches: 2,
  increment,
  escalate: (bantime) => bantime,
};
const at = (now: number, before = 0) => ({ now, before });
const fail = (time: number) => ({ id: '192.0.2.7', time, matches: [`line at ${time}`] });

test('countAndDecide() bans on the maxretry-th failure, not before', () => {
  const jail = jailState(emptyState(), 'sshd');
  assert.equal(countAndDecide(jail, fail(100), limits, at(100)).kind, 'counted');
  assert.equal(countAndDecide(jail, fail(101), limits, at(101)).kind, 'counted');
  const result = countAndDecide(jail, fail(102), limits, at(102));
  assert.deepEqual(result, {
    kind: 'ban',
    ban: {
      at: 102,
      until: 3702,
      failures: 3,
      count: 1,
      origin: 'log',
      matches: ['line at 101', 'line at 102'],
      pending: 'not yet handed to the firewall',
    },
  });
  assert.equal(jail.failures.size, 0);
  assert.equal(jail.totalFailed, 3);
});

test('countAndDecide() begins a ban at the failure, so that reading a log late or twice gives the same end', () => {
  const jail = jailState(emptyState(), 'sshd');
  const once = { ...limits, maxretry: 1 };
  const late = countAndDecide(jail, fail(102), once, at(500));
  assert.equal(late.kind === 'ban' && late.ban.until, 3702);
});

test('countAndDecide() answers the ban of a banned id anew', () => {
  const state = emptyState();
  const jail = jailState(state, 'sshd');
  const once = { ...limits, maxretry: 1 };
  const first = countAndDecide(jail, fail(100), once, at(100));
  if (first.kind === 'ban') addBan(state, 'sshd', '192.0.2.7', first.ban);
  const again = countAndDecide(jail, fail(101), once, at(101));
  assert.equal(again.kind === 'ban' && again.ban.until, 3701);
});

test('countAndDecide() lets a failure of a known offender count for more when bans escalate', () => {
  const jail = jailState(emptyState(), 'sshd');
  const strict = { ...limits, maxretry: 5, increment: { ...increment, enabled: true } };
  const first = countAndDecide(jail, fail(100), strict, at(100, 2));
  assert.equal(first.kind === 'counted' && first.count.retry, 3);
  assert.equal(countAndDecide(jail, fail(101), strict, at(101, 2)).kind, 'ban');
});

test('makeBan() for ever has no end, and says which ban of the id it is', () => {
  const ban = makeBan({ ...limits, bantime: null }, 0, { now: 5, count: null, origin: 'hand' });
  assert.equal(ban.until, null);
  assert.equal(makeBan(limits, 1, { now: 6, count: null, origin: 'hand' }).count, 2);
});

test('bansBefore() counts the jail, or all of them with overalljails', () => {
  const state = emptyState();
  for (const jail of ['a', 'b'])
    addBan(state, jail, 'x', makeBan(limits, 0, { now: 5, count: null, origin: 'hand' }));
  // A ban that stands is no earlier one.
  assert.equal(bansBefore(state, 'a', 'x', limits), 0);
  assert.equal(
    bansBefore(state, 'a', 'x', { ...limits, increment: { ...increment, overalljails: true } }),
    1,
  );
  liftBan(state, 'a', 'x');
  assert.equal(bansBefore(state, 'a', 'x', limits), 1);
});
