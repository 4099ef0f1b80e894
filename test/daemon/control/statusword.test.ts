import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tuple } from '../../../src/base/pickle.ts';
import { answerStatus, logFiles, standingBans } from '../../../src/daemon/control/statusword.ts';
import { addBan } from '../../../src/state/state.ts';
import { aHost } from './ahost.ts';

const DOOR = [
  tuple('Filter', [tuple('Currently failed', 0), tuple('Total failed', 0), tuple('File list', [])]),
  tuple('Actions', [
    tuple('Currently banned', 1),
    tuple('Total banned', 2),
    tuple('Banned IP list', ['192.0.2.7']),
  ]),
];

test('status has the lists of fail2ban', () => {
  const { host } = aHost();
  const list = [tuple('Number of jail', 2), tuple('Jail list', 'door, post')];
  assert.deepEqual(answerStatus(host, []), list);
  assert.deepEqual(answerStatus(host, ['door']), DOOR);
  assert.deepEqual(answerStatus(host, ['door', 'nonsense']), DOOR);
  const all = answerStatus(host, ['--all']);
  assert.ok(Array.isArray(all) && all[2] instanceof Map);
  assert.deepEqual([...all[2].keys()], ['door', 'post']);
});

test('flavours: short has no addresses, cymru asks nobody, stats are numbers', () => {
  const { host } = aHost();
  const text = (flavour: string): string => JSON.stringify(answerStatus(host, ['door', flavour]));
  assert.doesNotMatch(text('short'), /192\.0\.2/);
  assert.match(text('cymru'), /Banned ASN list.*unknown/);
  assert.deepEqual(
    answerStatus(host, ['--all', 'stats']),
    new Map([
      ['door', ['polling', tuple(0, 0), tuple(1, 2)]],
      ['post', ['systemd', tuple(0, 0), tuple(0, 0)]],
    ]),
  );
});

test('a journal jail names its matches', () => {
  const { host } = aHost();
  assert.match(JSON.stringify(answerStatus(host, ['post'])), /"Journal matches",\["_A=b _C=d \+ _E=f"\]/);
});

test('a journal jail reads no files, though a logpath may be there', () => {
  const jail = [...aHost().host.jails.values()].find(({ jail: one }) => one.name === 'post')?.jail;
  assert.ok(jail !== undefined);
  const logpath = [{ glob: import.meta.filename, start: 'tail' }] as const;
  assert.deepEqual(logFiles({ ...jail, logpath }), []);
  assert.deepEqual(logFiles({ ...jail, logpath, backend: 'polling' }), [import.meta.filename]);
});

test('bans are in the order of their ends', () => {
  const { host } = aHost();
  const ban = { at: 900, failures: 3, count: 1, origin: 'log', matches: [], pending: null } as const;
  addBan(host.state, 'door', '192.0.2.1', { ...ban, until: null });
  addBan(host.state, 'door', '192.0.2.2', { ...ban, until: 1200 });
  assert.deepEqual(
    standingBans(host, 'door').map(([id]) => id),
    ['192.0.2.2', '192.0.2.7', '192.0.2.1'],
  );
});
