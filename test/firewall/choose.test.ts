import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseFirewall, presentFirewalls } from '../../src/firewall/choose.ts';

const having =
  (...programs: string[]) =>
  (program: string) =>
    programs.includes(program);
const ALL = having('nft', 'ipset', 'iptables-restore', 'ip6tables-restore', 'firewall-cmd', 'busctl');
const IPTABLES = 'iptables-restore';

test('auto and firewalld take nftables, ipset or iptables, whichever is there first', () => {
  for (const kind of ['auto', 'firewalld'] as const) {
    assert.equal(chooseFirewall(kind, ALL).kind, 'nftables');
    assert.equal(chooseFirewall(kind, having('ipset', IPTABLES)).kind, 'ipset');
    assert.equal(chooseFirewall(kind, having(IPTABLES)).kind, 'iptables');
    assert.equal(chooseFirewall(kind, having('ipset', 'nft')).kind, 'nftables');
  }
});

test('auto without any program says what it looked for', () => {
  assert.throws(() => chooseFirewall('auto', having()), /no firewall program found: none of nft, ipset/);
});

test('a firewall that is named is taken even when its programs are missing', () => {
  for (const kind of ['nftables', 'ipset', 'iptables', 'dummy'] as const) {
    assert.equal(chooseFirewall(kind, having()).kind, kind);
  }
});

test('presentFirewalls() names those whose programs are all there, firewalld among them', () => {
  const kinds = (have: (program: string) => boolean) => presentFirewalls(have).map(({ kind }) => kind);
  assert.deepEqual(kinds(having('nft', 'ipset')), ['nftables']);
  assert.deepEqual(kinds(ALL), ['nftables', 'ipset', 'iptables', 'firewalld']);
});
