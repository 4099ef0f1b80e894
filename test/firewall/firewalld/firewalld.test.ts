import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../../src/base/process.ts';
import { firewalldRuns } from '../../../src/firewall/choose.ts';
import { firewalld } from '../../../src/firewall/firewalld/firewalld.ts';
import { isLong } from '../../testbed/need.ts';
import { makeTestbed, unlessTestbed } from '../../testbed/testbed.ts';
import { type Case, packetTests } from '../packets.ts';

const nftables: Case = {
  name: 'firewalld',
  firewall: firewalld(),
  small: null,
  firewalldBackend: 'nftables',
  programs: ['nft'],
  ownRules: [
    ['firewall-cmd', '-q', '--permanent', '--add-port=8080-8081/tcp'],
    [
      'firewall-cmd',
      '-q',
      '--permanent',
      '--add-rich-rule=rule family="ipv4" source address="192.0.2.9" drop',
    ],
    ['firewall-cmd', '-q', '--reload'],
  ],
  readOwn: ['firewall-cmd', '--permanent', '--list-all-zones'],
  readAll: [
    ['nft', 'list', 'ruleset'],
    ['firewall-cmd', '--permanent', '--get-ipsets'],
    ['firewall-cmd', '--permanent', '--get-policies'],
  ],
  drift: {
    'firewall-cmd --reload': [['firewall-cmd', '-q', '--reload']],
    'firewall-cmd --complete-reload': [['firewall-cmd', '-q', '--complete-reload']],
    'nft flush ruleset': [['nft', 'flush', 'ruleset']],
  },
};

packetTests(nftables);

if (isLong) {
  packetTests({
    ...nftables,
    name: 'firewalld (FirewallBackend=iptables)',
    firewalldBackend: 'iptables',
    small: firewalld(20),
    programs: ['iptables', 'ip6tables', 'ipset'],
    readAll: [['iptables-save'], ['ip6tables-save'], ['ipset', 'save'], ...nftables.readAll],
    drift: {
      'firewall-cmd --reload': [['firewall-cmd', '-q', '--reload']],
      'ipset flush': [['ipset', 'flush']],
      'iptables -F': [['iptables', '-F']],
    },
  });
}

test('firewalldRuns() tells whether it runs', {
  skip: unlessTestbed('firewalld', 'dbus-daemon', 'busctl'),
  timeout: 280_000,
}, async () => {
  const bed = await makeTestbed([], 'nftables');
  try {
    assert.equal(await firewalldRuns(bed.run), true);
    assert.equal(
      await firewalldRuns((one) => run(one, 30, { env: { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere' } })),
      false,
    );
  } finally {
    await bed.close();
  }
});
