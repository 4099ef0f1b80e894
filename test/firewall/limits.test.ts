import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FirewallKind, Rule } from '../../src/firewall/backend.ts';
import { chooseFirewall } from '../../src/firewall/choose.ts';
import { findLimits, readTranslated } from '../../src/firewall/limits.ts';

const RULE: Rule = { jail: 'web', ports: [[80, 80]], protocols: ['tcp'], chains: ['INPUT'], block: 'reject' };

/** nft's spelling of firewalld's forward-port, of a redirect, and what iptables-save prints for Docker. */
const LISTING = `
	chain nat_PRE_public_allow {
		tcp dport 80 dnat ip to 10.9.0.2:8080
		tcp dport { 443, 8000-8010 } redirect to :8443
	}
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80
`;

async function limitsOf(kind: FirewallKind, rule: Rule, tracks = true): Promise<readonly string[]> {
  const firewall = chooseFirewall(kind, () => true);
  const plan = {
    sections: [{ firewall, rules: [rule] }],
    rulesByJail: new Map(),
    troubles: new Map(),
    notes: [],
  };
  const limits = await findLimits(plan, {
    run: async ({ argv }) => {
      const stdout = argv[0] === 'nft' ? LISTING : '';
      return { exitCode: 0, stdout, stderr: '', trouble: null };
    },
    have: (program) => tracks || program !== 'conntrack',
    isLocal: (address) => address === '10.2.1.10',
  });
  return limits.map(({ text }) => text.replace(/[:,].*$/, ''));
}

test('readTranslated() finds the ports that nft and iptables translate, and where to', () => {
  assert.deepEqual(readTranslated(LISTING), [
    { protocol: 'tcp', ports: [80, 80], to: '10.9.0.2' },
    { protocol: 'tcp', ports: [443, 443], to: null },
    { protocol: 'tcp', ports: [8000, 8010], to: null },
    { protocol: 'tcp', ports: [80, 80], to: '172.17.0.2' },
  ]);
});

test('findLimits() names what the bans of a jail do not reach', async () => {
  const passed = ['port 80/tcp is passed on to 10.9.0.2', 'port 80/tcp is passed on to 172.17.0.2'];
  assert.deepEqual(await limitsOf('nftables', RULE), passed);
  assert.deepEqual(await limitsOf('nftables', { ...RULE, chains: ['FORWARD'] }), []);
  const redirected = { ...RULE, ports: [[443, 443]] } as const;
  assert.deepEqual(await limitsOf('ipset', redirected), []);
  assert.deepEqual(await limitsOf('iptables', redirected, false), ['conntrack is not installed']);
});
