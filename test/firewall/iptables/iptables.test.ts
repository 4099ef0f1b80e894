import { iptables } from '../../../src/firewall/iptables/iptables.ts';
import { LEGACY, unlessLegacy } from '../../testbed/testbed.ts';
import { type Case, packetTests } from '../packets.ts';

const nft: Case = {
  name: 'iptables',
  firewall: iptables,
  small: null,
  programs: ['iptables', 'ip6tables'],
  ownRules: [
    ['iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'],
    ['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '9999', '-j', 'DROP'],
    ['ip6tables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'],
  ],
  readOwn: ['iptables', '-S'],
  readAll: [['iptables-save'], ['ip6tables-save']],
  drift: {
    'iptables -F': [['iptables', '-F']],
    'ip6tables -F INPUT': [['ip6tables', '-F', 'INPUT']],
    'nft flush ruleset': [['nft', 'flush', 'ruleset']],
  },
};

packetTests(nft);

if (unlessLegacy() === false) {
  const { 'nft flush ruleset': _, ...drift } = nft.drift;
  packetTests({ ...nft, name: 'iptables-legacy', prefix: LEGACY, drift });
}
