import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { bansOfJson } from '../../../src/cli/transfer/json.ts';

const read = (value: unknown) => bansOfJson(JSON.stringify(value), 'file', 1000);

test('f2b export, and entries that are no bans', () => {
  const { bans, problems } = read({
    f2b: '0.1.0',
    bans: [
      { ip: '192.0.2.7', jail: 'sshd', at: 900, until: null, count: 2, failures: 5, matches: ['a line'] },
      7,
    ],
  });
  assert.deepEqual(bans, [
    { id: '192.0.2.7', jail: 'sshd', at: 900, until: null, count: 2, failures: 5, matches: ['a line'] },
  ]);
  assert.deepEqual(problems, ['file: entry 2 is no ban']);
});

test('f2b banned --json: jails with their addresses; an empty jail is no problem', () => {
  const { bans, problems } = read([{ sshd: ['192.0.2.7', '192.0.2.8'] }, { nginx: [] }]);
  assert.deepEqual(
    [bans.map(({ jail, id }) => `${jail} ${id}`), problems],
    [['sshd 192.0.2.7', 'sshd 192.0.2.8'], []],
  );
});

test('nft -j list ruleset: plain elements, elements with time-outs, prefixes', () => {
  const elem = [
    '192.0.2.7',
    { elem: { val: '192.0.2.8', timeout: 600, expires: 598 } },
    { prefix: { addr: '2001:db8::', len: 64 } },
  ];
  const { bans } = read({ nftables: [{ metainfo: {} }, { set: { name: 'addr-set-sshd', elem } }] });
  assert.deepEqual(
    bans.map(({ jail, id, until }) => [jail, id, until]),
    [
      ['sshd', '192.0.2.7', undefined],
      ['sshd', '192.0.2.8', 1598],
      ['sshd', '2001:db8::/64', undefined],
    ],
  );
});

test('what is no JSON, and JSON without bans, are refused', () => {
  assert.throws(() => bansOfJson('{"bans": [', 'file', 0), UsageError);
  assert.throws(() => read({ jails: [] }), UsageError);
});
