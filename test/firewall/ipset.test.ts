import { ipset } from '../../src/firewall/ipset.ts';
import { packetTests } from './packets.ts';

packetTests({
  name: 'ipset',
  firewall: ipset(),
  small: ipset(20),
  programs: ['iptables', 'ip6tables'],
  ownRules: [
    ['iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'],
    ['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '9999', '-j', 'DROP'],
    ['ip6tables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'ESTABLISHED', '-j', 'ACCEPT'],
    ['ipset', 'create', '-exist', 'mine', 'hash:ip'],
  ],
  readOwn: ['iptables', '-S'],
  readAll: [['iptables-save'], ['ip6tables-save'], ['ipset', 'save']],
  drift: {
    'iptables -F': [['iptables', '-F', 'INPUT']],
    'ip6tables -F': [['ip6tables', '-F', 'INPUT']],
    'ipset flush': [['ipset', 'flush']],
    'ipset destroy': [
      ['iptables', '-F'],
      ['ip6tables', '-F'],
      ['ipset', 'destroy'],
    ],
  },
});
