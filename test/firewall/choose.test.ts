import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseFirewall, presentFirewalls } from '../../src/firewall/choose.ts';

const having =
  (...programs: string[]) =>
  (program: string) =>
    programs.includes(program);
const IPTABLES = ['iptables-restore', 'ip6tables-restore'];
const ALL = having('nft', 'ipset', ...IPTABLES, 'firewall-cmd', 'busctl');

test('auto takes firewalld where it runs, else nftables, ipset, iptables, whichever is there', () => {
  assert.equal(chooseFirewall('auto', ALL, true).kind, 'firewalld');
  assert.equal(chooseFirewall('auto', ALL, false).kind, 'nftables');
  assert.equal(chooseFirewall('auto', having('ipset', ...IPTABLES), true).kind, 'ipset');
  assert.equal(chooseFirewall('auto', having(...IPTABLES), false).kind, 'iptables');
  assert.equal(chooseFirewall('auto', having('ipset', 'nft'), false).kind, 'nftables');
});

test('auto without any program says what it looked for', () => {
  assert.throws(
    () => chooseFirewall('auto', having(), true),
    /no firewall program found: none of nft, ipset/,
  );
});

test('a firewall that is named is taken even when its programs are missing', () => {
  for (const kind of ['nftables', 'ipset', 'iptables', 'firewalld', 'dummy'] as const) {
    assert.equal(chooseFirewall(kind, having(), false).kind, kind);
  }
});

test('presentFirewalls() names those whose programs are all there', () => {
  assert.deepEqual(
    presentFirewalls(having('nft', 'ipset')).map((firewall) => firewall.kind),
    ['nftables'],
  );
});
