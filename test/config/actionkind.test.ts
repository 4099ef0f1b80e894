import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { FIREWALL_ACTIONS, readBlock } from '../../src/config/actionkind.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Jail } from '../../src/config/jail.ts';
import { diskTree, memoryTree } from '../../src/config/tree.ts';

type Files = Readonly<Record<string, string>>;

/** The plans of a jail's actions in a tree, loaded for real. */
function plansOf(action: string, files: Files = {}): Jail['actions'] {
  const jail = `[x]\nenabled = true\nfilter =\nlogpath = /l\nport = 80\naction = ${action}\n`;
  const config = loadConfig(memoryTree(new Map(Object.entries({ ...files, 'jail.conf': jail }))));
  assert.deepEqual(
    config.problems.filter((one) => one.severity === 'error'),
    [],
  );
  return config.jails[0]?.actions ?? [];
}

const firewallOf = (action: string, files: Files = {}): string => {
  const [plan] = plansOf(action, files);
  return plan === undefined ? 'none' : plan.kind === 'firewall' ? plan.firewall : plan.kind;
};

test("our own names and fail2ban's need no file", () => {
  const wanted: Files = {
    auto: 'auto',
    dummy: 'dummy',
    firewalld: 'firewalld',
    'firewallcmd-allports': 'firewalld',
    'firewallcmd-common': 'firewalld',
    'firewallcmd-ipset': 'firewalld',
    'firewallcmd-multiport': 'firewalld',
    'firewallcmd-new': 'firewalld',
    'firewallcmd-rich-logging': 'firewalld',
    'firewallcmd-rich-rules': 'firewalld',
    ipset: 'ipset',
    iptables: 'iptables',
    'iptables-allports': 'iptables',
    'iptables-ipset': 'ipset',
    'iptables-ipset-proto4': 'ipset',
    'iptables-ipset-proto6': 'ipset',
    'iptables-ipset-proto6-allports': 'ipset',
    'iptables-multiport': 'iptables',
    'iptables-new': 'iptables',
    nftables: 'nftables',
    'nftables-allports': 'nftables',
    'nftables-multiport': 'nftables',
  };
  assert.deepEqual(
    Object.fromEntries(FIREWALL_ACTIONS.toSorted().map((name) => [name, firewallOf(name)])),
    wanted,
  );
});

test('what the brackets say: ports, protocols, chains, block type', () => {
  const [plan] = plansOf(
    'nftables[port="80,443", protocol="TCP,udp", chain="INPUT,DOCKER-USER", blocktype=DROP]',
  );
  assert.ok(plan?.kind === 'firewall');
  assert.equal(plan.firewall, 'nftables');
  assert.deepEqual(plan.rule, {
    ports: [
      [80, 80],
      [443, 443],
    ],
    protocols: ['tcp', 'udp'],
    chains: ['INPUT', 'DOCKER-USER'],
    block: 'drop',
  });
});

test('allports has no ports, whichever way it is asked for', () => {
  for (const action of ['iptables-allports', 'nftables[type=allports]', 'iptables[type=allports, port=80]']) {
    const [plan] = plansOf(action);
    assert.ok(plan?.kind === 'firewall');
    assert.equal(plan.rule.ports, null, action);
  }
  const [all] = plansOf('iptables-allports[protocol=all]');
  assert.ok(all?.kind === 'firewall');
  assert.deepEqual(all.rule.protocols, []);
});

test('block types', () => {
  const wanted: [string, string | null][] = [
    ['REJECT', 'reject'],
    ['reject', 'reject'],
    ['REJECT --reject-with icmp-port-unreachable', 'reject'],
    ['REJECT --reject-with tcp-reset', 'tcp-reset'],
    ['reject with tcp reset', 'tcp-reset'],
    ["reject type='tcp-reset'", 'tcp-reset'],
    ['tcp-reset', 'tcp-reset'],
    ['DROP', 'drop'],
    ['drop', 'drop'],
    ['', 'reject'],
    ['RETURN', null],
    ['LOG', null],
    ['DROP; reboot', null],
  ];
  for (const [text, block] of wanted) assert.equal(readBlock(text), block, text);
});

const MULTIPORT = `[Definition]
actionban = <iptables> -I f2b-<name> 1 -s <ip> -j <blocktype>
actionunban = <iptables> -D f2b-<name> -s <ip> -j <blocktype>
[Init]
iptables = iptables -w
blocktype = REJECT
chain = INPUT
port = ssh
protocol = tcp
`;

test("a stock name stays ours when a .local only changes options, and is the user's when it changes the ban", () => {
  const files = { 'action.d/iptables-multiport.conf': MULTIPORT };
  assert.equal(firewallOf('iptables-multiport', files), 'iptables');
  const local = (text: string): Files => ({ ...files, 'action.d/iptables-multiport.local': text });
  const drop = local('[Init]\nblocktype = DROP\n');
  const [plan] = plansOf('iptables-multiport', drop);
  assert.ok(plan?.kind === 'firewall');
  assert.equal(plan.rule.block, 'drop');
  assert.equal(firewallOf('iptables-multiport', local('[Definition]\nactionban = mine <ip>\n')), 'command');
  assert.equal(firewallOf('iptables-multiport', local('[Init]\nblocktype = RETURN\n')), 'command');
});

test('a stock file that was changed in place into something else runs its commands', () => {
  const changed = (ban: string): string =>
    firewallOf('iptables-multiport', {
      'action.d/iptables-multiport.conf': MULTIPORT.replace(/^actionban = .*$/m, `actionban = ${ban}`),
    });
  assert.equal(changed('<iptables> -I f2b-<name> 1 -s <ip> -j DROP'), 'iptables');
  assert.equal(
    changed('<iptables> -I f2b-<name> 1 -s <ip> -j DROP; curl https://example.org/<ip>'),
    'command',
  );
  assert.equal(changed('<iptables> -I f2b-<name> 1 -s <ip> -j DROP\n  logger banned <ip>'), 'command');
  assert.equal(changed('/usr/local/bin/ban <ip>'), 'command');
});

test("a file of one's own under a new name, and native=no, run their commands", () => {
  assert.equal(firewallOf('my-iptables', { 'action.d/my-iptables.conf': MULTIPORT }), 'command');
  const files = { 'action.d/iptables-multiport.conf': MULTIPORT };
  assert.equal(firewallOf('iptables-multiport[native=no]', files), 'command');
});

const STOCK = '/etc/fail2ban';
const skip = existsSync(`${STOCK}/jail.conf`) ? false : 'not installed: fail2ban (no /etc/fail2ban)';

test('every firewall action of the stock tree is recognized in its own file', { skip }, () => {
  for (const type of FIREWALL_ACTIONS) {
    const stock = diskTree(STOCK);
    if (stock.read(`action.d/${type}.conf`) === null || type === 'dummy') continue;
    const jail = `[x]\nenabled = true\nfilter =\nlogpath = /l\naction = ${type}[port="80,443", protocol=tcp]\n`;
    const tree = { ...stock, read: (path: string) => (path === 'jail.conf' ? jail : stock.read(path)) };
    const config = loadConfig({ ...tree, list: (folder) => (folder === 'jail.d' ? [] : stock.list(folder)) });
    const [plan] = config.jails[0]?.actions ?? [];
    assert.ok(plan, type);
    // This file is only there to be included: it bans nothing by itself.
    if (type === 'firewallcmd-common') continue;
    assert.equal(plan.kind, 'firewall', type);
    assert.ok(plan.kind === 'firewall');
    const ports = [
      [80, 80],
      [443, 443],
    ];
    assert.deepEqual(plan.rule.ports, type.includes('allports') ? null : ports, type);
    assert.deepEqual(
      [plan.rule.chains, plan.rule.block, plan.rule.protocols],
      [['INPUT'], 'reject', ['tcp']],
      type,
    );
  }
});
