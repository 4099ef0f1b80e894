import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Format, isFormat, printBans } from '../../../src/cli/transfer/formats.ts';
import { readBanList } from '../../../src/cli/transfer/lists.ts';

const NOW = 1_000_000;
const BAN = { jail: 'sshd', id: '192.0.2.7', at: NOW, until: NOW + 600, count: 1, failures: 5, matches: [] };
const BANS = [
  BAN,
  { ...BAN, jail: 'nginx', until: NOW + 60 },
  { ...BAN, id: '2001:db8::/64', until: null, count: 3 },
  { ...BAN, id: '=user"1"' },
];
const print = (format: Format): string => printBans(format, BANS, { version: '0.1.0', now: NOW });

test('what json and csv print is read again whole', () => {
  const plain = (text: string) =>
    readBanList(text, 'it', NOW).bans.map(({ jail, id, at, until, count, failures }) => ({
      jail,
      id,
      at,
      until,
      count,
      failures,
    }));
  const wanted = BANS.map(({ matches: _, ...ban }) => ban);
  assert.deepEqual(plain(print('json')), wanted);
  assert.deepEqual(plain(print('csv')), wanted.slice(0, 3));
});

test('in csv a cell of a log is no formula', () => {
  assert.match(print('csv'), /^sshd,"'=user""1""",/m);
});

test('plain, nft and ipset tell each address once, with the latest end', () => {
  assert.equal(print('plain'), '192.0.2.7\n2001:db8::/64\n');
  assert.match(print('nft'), /elements = \{\n {6}192\.0\.2\.7 timeout 600s,\n {4}\}/);
  assert.match(print('nft'), /elements = \{\n {6}2001:db8::\/64,\n {4}\}/);
  assert.equal(
    print('ipset'),
    'create f2b-export-4 hash:net family inet timeout 0 maxelem 65536\nadd f2b-export-4 192.0.2.7 timeout 600\n' +
      'create f2b-export-6 hash:net family inet6 timeout 0 maxelem 65536\nadd f2b-export-6 2001:db8::/64 timeout 0\n',
  );
});

test('no bans are an empty list', () => {
  assert.deepEqual(JSON.parse(printBans('json', [], { version: '1', now: 1 })), {
    f2b: '1',
    time: 1,
    bans: [],
  });
  assert.ok(isFormat('nft') && !isFormat('toString'));
});
