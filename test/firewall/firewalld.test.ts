import { firewalld } from '../../src/firewall/firewalld.ts';
import { packetTests } from './packets.ts';

packetTests({
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
});
