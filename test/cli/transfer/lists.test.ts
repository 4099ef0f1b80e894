import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nftSeconds, readBanList } from '../../../src/cli/transfer/lists.ts';

const NOW = 1_000_000;

/** Jail, id and seconds left of each ban. */
function read(text: string): readonly (readonly [string | null, string, number | null | undefined])[] {
  const { bans, problems } = readBanList(text, 'list', NOW);
  assert.deepEqual(problems, []);
  return bans.map(({ jail, id, until }) => [jail, id, typeof until === 'number' ? until - NOW : until]);
}

test('a list has an address or network at the beginning of each line; comments and empty lines are none', () => {
  assert.deepEqual(read('# bad\n192.0.2.7\n\n198.51.100.0/24 ; why\r\n2001:db8::1, more\n'), [
    [null, '192.0.2.7', undefined],
    [null, '198.51.100.0/24', undefined],
    [null, '2001:db8::1', undefined],
  ]);
});

test('what fail2ban-client prints of a jail tells beginning and end in local time', () => {
  const { bans } = readBanList(
    '192.0.2.7 \t2026-12-01 10:00:00 + 600 = 2026-12-01 10:10:00\n192.0.2.8 \t2026-12-01 10:00:00 + -1 = 9999-12-31 23:59:59\n',
    'sshd',
    NOW,
  );
  const at = new Date('2026-12-01T10:00:00').getTime() / 1000;
  assert.deepEqual(
    bans.map((ban) => [ban.id, ban.at, ban.until]),
    [
      ['192.0.2.7', at, at + 600],
      ['192.0.2.8', at, null],
    ],
  );
});

test('lines that cannot be read are named with their numbers, the first twenty one by one', () => {
  const { bans, problems } = readBanList(`nonsense\n192.0.2.7\n${'x\n'.repeat(30)}`, 'list', NOW);
  assert.equal(bans.length, 1);
  assert.equal(problems[0], 'list:1: "nonsense" is not an address or network');
  assert.equal(problems.length, 21);
  assert.equal(problems.at(-1), 'list: 11 more lines cannot be read');
});

test('nft list ruleset: elements over several lines, with and without time-outs', () => {
  const dump = `table inet f2b-table {
	set addr-set-sshd {
		type ipv4_addr
		flags timeout
		elements = { 192.0.2.7 timeout 10m expires 9m58s500ms,
			     192.0.2.8 timeout 1h }
	}

	set addr6-set-sshd {
		type ipv6_addr
		elements = { 2001:db8::5, 2001:db8:1::/64 counter packets 3 bytes 180 }
	}

	chain f2b-chain {
		tcp dport { 22 } ip saddr @addr-set-sshd reject
	}
}
`;
  assert.deepEqual(read(dump), [
    ['sshd', '192.0.2.7', 598.5],
    ['sshd', '192.0.2.8', 3600],
    ['sshd', '2001:db8::5', undefined],
    ['sshd', '2001:db8:1::/64', undefined],
  ]);
  assert.equal(nftSeconds('1d2h3m4s500ms'), 93_784.5);
});

test('ipset save and ipset list', () => {
  assert.deepEqual(
    read(
      'create f2b-sshd hash:ip family inet timeout 600\nadd f2b-sshd 192.0.2.7 timeout 599\nadd f2b-sshd 192.0.2.8 timeout 0\n',
    ),
    [
      ['sshd', '192.0.2.7', 599],
      ['sshd', '192.0.2.8', undefined],
    ],
  );
  const list =
    'Name: f2b-sshd\nType: hash:ip\nHeader: family inet timeout 600\nMembers:\n192.0.2.7 timeout 599\n\nName: other\nMembers:\n192.0.2.9\n';
  assert.deepEqual(read(list), [
    ['sshd', '192.0.2.7', 599],
    [null, '192.0.2.9', undefined],
  ]);
});

test('iptables-save: the rules of the chains of jails, and no others', () => {
  const dump = `*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -s 203.0.113.1/32 -j DROP
-A f2b-sshd -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
COMMIT
`;
  assert.deepEqual(read(dump), [['sshd', '192.0.2.7/32', undefined]]);
});

test("f2b's own CSV", () => {
  const text =
    'jail,ip,banned,until,count,failures\nsshd,192.0.2.7,1970-01-12T13:46:40.000Z,1970-01-12T13:56:40.000Z,3,5\nsshd,192.0.2.8,1970-01-12T13:46:40.000Z,never,1,0\n';
  const { bans } = readBanList(text, 'bans.csv', NOW);
  assert.deepEqual(
    bans.map(({ id, at, until, count, failures }) => [id, at, until, count, failures]),
    [
      ['192.0.2.7', NOW, NOW + 600, 3, 5],
      ['192.0.2.8', NOW, null, 1, 0],
    ],
  );
});

test('a list of empty lines takes no time that grows with their square', () => {
  const { bans } = readBanList(`192.0.2.7${'\n'.repeat(400_000)}192.0.2.8`, 'list', NOW);
  assert.equal(bans.length, 2);
});

test('a rule of iptables that is too long to be one is left out', () => {
  const { bans } = readBanList(
    `*filter\n-A f2b-a${' -s 1'.repeat(400_000)} -j\n-A f2b-a -s 192.0.2.7/32 -j DROP\n`,
    'x',
    NOW,
  );
  assert.deepEqual(
    bans.map(({ id }) => id),
    ['192.0.2.7/32'],
  );
});
