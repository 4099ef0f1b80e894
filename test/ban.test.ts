import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Limits, makeBan } from '../src/ban.ts';
import { addBan, emptyState, jailState } from '../src/state.ts';

const limits: Limits = {
  maxretry: 3,
  findtime: 600,
  bantime: 3600,
  maxmatches: 2,
  escalate: (bantime) => bantime,
};
const fail = (time: number) => ({ id: '192.0.2.7', time, lines: [`line at ${time}`] });

test('judge() bans on the maxretry-th failure, not before', () => {
  const jail = jailState(emptyState(), 'sshd');
  assert.equal(judge(jail, fail(100), limits, 100).kind, 'counted');
  assert.equal(judge(jail, fail(101), limits, 101).kind, 'counted');
  const verdict = judge(jail, fail(102), limits, 102);
  assert.deepEqual(verdict, {
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

test('judge() begins a ban at the failure, so that reading a log late or twice gives the same end', () => {
  const jail = jailState(emptyState(), 'sshd');
  const once = { ...limits, maxretry: 1 };
  const late = judge(jail, fail(102), once, 500);
  assert.equal(late.kind === 'ban' && late.ban.until, 3702);
});

test('judge() answers that a banned id reached the count again', () => {
  const state = emptyState();
  const jail = jailState(state, 'sshd');
  const once = { ...limits, maxretry: 1 };
  const first = judge(jail, fail(100), once, 100);
  if (first.kind === 'ban') addBan(state, 'sshd', '192.0.2.7', first.ban);
  assert.equal(judge(jail, fail(101), once, 101).kind, 'already');
});

test('makeBan() for ever has no end, and counts the bans of an id', () => {
  const state = emptyState();
  const jail = jailState(state, 'sshd');
  const ban = makeBan(jail, 'a', { ...limits, bantime: null }, { now: 5, count: null, origin: 'hand' });
  assert.equal(ban.until, null);
  addBan(state, 'sshd', 'a', ban);
  assert.equal(makeBan(jail, 'a', limits, { now: 6, count: null, origin: 'hand' }).count, 2);
});
