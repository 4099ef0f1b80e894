import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { Rule } from '../../../src/firewall/backend.ts';
import { jailTag } from '../../../src/firewall/names.ts';
import { nftables } from '../../../src/firewall/nftables/nftables.ts';
import { type FirewallJob, flush, reconcile } from '../../../src/firewall/reconcile.ts';
import { eventually, makeTestbed, unlessTestbed } from '../../testbed/testbed.ts';
import { entry, now, packetTests, WEB } from '../packets.ts';

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
    'nft flush set': [['nft', `flush set inet f2b addr4-${jailTag(WEB.jail)}`]],
  },
});

const skip = unlessTestbed('nft');

test('for Docker the port that was dialled counts, not the one behind the translation', {
  skip,
  timeout: 280_000,
}, async () => {
  const bed = await makeTestbed([8080]);
  try {
    await bed.sh('nft', 'add table ip nat');
    await bed.sh('nft', 'add chain ip nat prerouting { type nat hook prerouting priority dstnat; }');
    await bed.sh('nft', 'add rule ip nat prerouting tcp dport 18080 redirect to :8080');
    assert.equal(await bed.curl({ port: 18080 }), 'accepted');
    const rule: Rule = { ...WEB, ports: [[18080, 18080]], chains: ['INPUT', 'DOCKER-USER'] };
    const job: FirewallJob = { firewall: nftables(), rules: [rule], run: bed.run };
    const bans = [entry('10.2.1.99'), entry('fd02::99')];
    assert.deepEqual((await reconcile(job, bans, now())).pending, []);
    assert.equal(await bed.curl({ port: 18080 }), 'refused');
    assert.equal(await bed.curl({ port: 8080 }), 'accepted');
    assert.equal(await bed.curl({ port: 18080, from: '10.2.1.100' }), 'accepted');
    await flush(job, now());
    assert.equal(await bed.curl({ port: 18080 }), 'accepted');
  } finally {
    await bed.close();
  }
});

test('watch() prints a line soon after somebody else changed the firewall', {
  skip,
  timeout: 280_000,
}, async () => {
  const bed = await makeTestbed([]);
  const [program, ...args] = nftables().watch()?.command.argv ?? ['false'];
  const monitor = spawn('ip', ['netns', 'exec', bed.victim, program, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    let said = '';
    monitor.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const job: FirewallJob = { firewall: nftables(), rules: [WEB], run: bed.run };
    await reconcile(job, [entry('10.2.1.99')], now());
    await eventually('it tells of our own change', async () => {
      await bed.sh('nft', 'add table inet other');
      await bed.sh('nft', 'delete table inet other');
      return said.includes('delete table inet other');
    });
    for (const change of [`flush set inet f2b addr4-${jailTag(WEB.jail)}`, 'flush ruleset']) {
      said = '';
      await bed.sh('nft', change);
      await eventually(`it tells of: ${change}`, () => said.includes('\n'));
    }
  } finally {
    monitor.kill();
    await bed.close();
  }
});
