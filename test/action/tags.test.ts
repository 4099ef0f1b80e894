import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tagsOf, ticketOf, totalsOf } from '../../src/action/tags.ts';
import { type Ban, emptyState, jailState } from '../../src/state/state.ts';

const BAN: Ban = {
  ...{ at: 1000, until: 1600, failures: 3, count: 2, origin: 'log' },
  ...{ matches: ['one', 'two'], pending: null },
};
const CONTEXT = {
  ...{ banned: 1, bannedTotal: 2, found: 3, foundTotal: 4 },
  ...{ fqHostname: 'web.example.org', ipHost: 'bad.example' },
};

test('tagsOf() answers what fail2ban calls a ban', () => {
  const read = tagsOf(ticketOf('192.0.2.7', BAN, { fields: new Map([['user', 'root']]) }), CONTEXT);
  for (const [tag, value] of [
    ['ip', '192.0.2.7'],
    ['family', 'inet4'],
    ['ip-rev', '7.2.0.192.'],
    ['ip-host', 'bad.example'],
    ['failures', '3'],
    ['bantime', '600'],
    ['bancount', '2'],
    ['matches', 'one\ntwo'],
    ['restored', '0'],
    ['F-USER', 'root'],
    ['F-NOTHING', ''],
    ['jail.found_total', '4'],
    ['sh-hostname', 'web'],
  ] as const)
    assert.equal(read(tag), value, tag);
  assert.equal(read('unknown'), null);
});

test('without a ban only the tags of jail and machine are known', () => {
  const read = tagsOf(null, CONTEXT);
  assert.deepEqual([read('jail.banned'), read('ip'), read('F-USER')], ['1', null, null]);
});

test('a ban for ever lasts -1, an id that is no address is its own ip-rev', () => {
  const read = tagsOf(ticketOf('alice', { ...BAN, until: null }), CONTEXT);
  assert.deepEqual([read('bantime'), read('ip-rev')], ['-1', 'alice']);
});

test('ticketOf() joins the captures of a tuple', () => {
  assert.equal(ticketOf('a', null, { fields: new Map([['id', ['x', 'y']]]) }).fields.get('id'), 'x y');
});

test('totalsOf() counts standing bans and failures of a jail', () => {
  const jail = jailState(emptyState(), 'sshd');
  jail.bans.set('192.0.2.7', BAN);
  jail.totalBanned = 5;
  assert.deepEqual(totalsOf(jail), { banned: 1, bannedTotal: 5, found: 0, foundTotal: 0 });
});
