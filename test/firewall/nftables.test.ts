import { tagOf } from '../../src/firewall/name.ts';
import { nftables } from '../../src/firewall/nftables.ts';
import { packetTests, WEB } from './packets.ts';

packetTests({
  name: 'nftables',
  firewall: nftables(),
  small: nftables(20),
  ownRules: [
    ['nft', 'add table inet mine'],
    ['nft', 'add chain inet mine input { type filter hook input priority 0; policy accept; }'],
    ['nft', 'flush chain inet mine input'],
    ['nft', 'add rule inet mine input ct state established accept'],
    ['nft', 'add rule inet mine input tcp dport 9999 drop'],
  ],
  readOwn: ['nft', 'list', 'table', 'inet', 'mine'],
  readAll: [['nft', 'list', 'ruleset']],
  drift: {
    'nft flush ruleset': [['nft', 'flush', 'ruleset']],
    'nft delete table': [['nft', 'delete table inet f2b']],
    'nft flush table (rules gone, sets kept)': [['nft', 'flush table inet f2b']],
    'nft flush set': [['nft', `flush set inet f2b addr4-${tagOf(WEB.jail)}`]],
  },
});
