import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeIgnoreList } from '../../src/ban/ignore.ts';
import { ignoredBans, ignoredBansText } from '../../src/ban/ignoredbans.ts';
import { parseNetwork } from '../../src/base/ip.ts';
import type { Ban } from '../../src/state/state.ts';

const BAN: Ban = { at: 1, until: null, failures: 5, count: 1, origin: 'log', matches: [], pending: null };

test('bans of ignored addresses are found while they stand', () => {
  const network = parseNetwork('192.0.2.0/28');
  assert.ok(network !== null);
  const bans = new Map([
    ['192.0.2.7', BAN],
    ['192.0.2.8', { ...BAN, until: 99 }],
    ['198.51.100.1', BAN],
  ]);
  assert.deepEqual(ignoredBans(makeIgnoreList([network]), bans, 100), ['192.0.2.7']);
});

test('the text names the command that lifts them', () => {
  assert.deepEqual(ignoredBansText('web', ['192.0.2.7']), {
    text: '192.0.2.7 is in ignoreip, but its ban stands',
    hint: 'f2b unbanip web 192.0.2.7',
  });
  const many = ['a', 'b', 'c', 'd', 'e', 'f'];
  assert.match(ignoredBansText('web', many).text, /^a, b, c, d, e and 1 more are in ignoreip/);
});
