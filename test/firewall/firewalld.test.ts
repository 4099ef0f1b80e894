import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { run } from '../../src/base/process.ts';
import { firewalld, firewalldLoaded, firewalldRuns } from '../../src/firewall/firewalld.ts';
import { nftables } from '../../src/firewall/nftables/nftables.ts';
import { flush } from '../../src/firewall/reconcile.ts';
import { isLong } from '../testbed/need.ts';
import { makeTestbed, unlessTestbed } from '../testbed/testbed.ts';
import { type Case, now, packetTests } from './packets.ts';

/** Bans for firewalld: they stand beside it. */
const beside: Case = {
  name: 'nftables beside firewalld',
  firewall: nftables(),
  small: null,
  firewalldBackend: 'nftables',
  programs: ['firewall-cmd'],
  ownRules: [
    ['firewall-cmd', '-q', '--permanent', '--add-port=8080-8081/tcp'],
    ['firewall-cmd', '-q', '--reload'],
    ['firewall-cmd', '-q', '--add-port=9999/tcp'],
  ],
  readOwn: ['firewall-cmd', '--list-all-zones'],
  readAll: [
    ['nft', 'list', 'ruleset'],
    ['firewall-cmd', '--permanent', '--get-ipsets'],
    ['firewall-cmd', '--permanent', '--get-policies'],
  ],
  drift: { 'nft delete table': [['nft', 'delete table inet f2b']] },
};

packetTests(beside);
if (isLong)
  packetTests({
    ...beside,
    name: 'nftables beside firewalld (FirewallBackend=iptables)',
    firewalldBackend: 'iptables',
  });

const skip = unlessTestbed('firewalld', 'firewall-cmd', 'dbus-daemon', 'busctl', 'nft');

test('what an earlier version left in firewalld goes without a reload, and blocks nobody any more', {
  skip,
  timeout: 280_000,
}, async () => {
  const bed = await makeTestbed([8080], 'nftables');
  const permanent = ['firewall-cmd', '-q', '--permanent'] as const;
  const set = ['--new-ipset=f2bf.web-4', '--type=hash:net', '--option=family=inet'];
  const rule = 'rule family="ipv4" source ipset="f2bf.web-4" port port="8080" protocol="tcp" reject';
  const policy = ['--policy=f2b', '--add-ingress-zone=ANY'];
  try {
    await bed.sh(...permanent, '--add-port=8080/tcp');
    await bed.sh(...permanent, ...set);
    await bed.sh(...permanent, '--new-policy=f2b');
    await bed.sh(...permanent, ...policy);
    await bed.sh(...permanent, '--policy=f2b', '--add-egress-zone=HOST');
    await bed.sh(...permanent, '--policy=f2b', '--set-priority=-100');
    await bed.sh(...permanent, '--policy=f2b', `--add-rich-rule=${rule}`);
    await bed.sh('firewall-cmd', '-q', '--reload');
    await bed.sh('firewall-cmd', '-q', '--add-port=9999/tcp');
    await bed.sh('firewall-cmd', '-q', '--ipset=f2bf.web-4', '--add-entry=10.2.1.99');
    assert.equal(await bed.curl(), 'refused');

    const folder = `${(bed.env['DBUS_SYSTEM_BUS_ADDRESS'] ?? '').replace(/^unix:path=|\/bus$/g, '')}/etc`;
    const job = { firewall: firewalld(folder), rules: [], run: bed.run };
    const { repaired, trouble } = await flush(job, now());
    assert.deepEqual([repaired.strays, trouble], [['f2b', 'f2bf.web-4'], []]);
    assert.equal(await bed.curl(), 'accepted');
    assert.match(await bed.sh('firewall-cmd', '--list-ports'), /\b9999\/tcp/);
    assert.doesNotMatch(await bed.sh('firewall-cmd', '--permanent', '--get-ipsets'), /f2b/);
    assert.doesNotMatch(await bed.sh('firewall-cmd', '--permanent', '--get-policies'), /f2b/);
    for (const path of ['policies/f2b.xml', 'ipsets/f2bf.web-4.xml'])
      assert.ok(!existsSync(`${folder}/${path}`) && !existsSync(`${folder}/${path}.old`), path);
    assert.deepEqual((await flush(job, now())).repaired.strays, []);
  } finally {
    await bed.close();
  }
});

test('firewalldRuns() tells whether it runs', { skip, timeout: 280_000 }, async () => {
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

test('firewalldLoaded() has an answer of firewalld itself, and asks none that does not run', {
  skip,
  timeout: 280_000,
}, async () => {
  const bed = await makeTestbed([], 'nftables');
  const asked: string[] = [];
  try {
    await firewalldLoaded(async (one) => {
      const output = await bed.run(one);
      asked.push(output.stdout.trim());
      return output;
    });
    assert.deepEqual(asked, ['b true', 's "RUNNING"']);
    asked.length = 0;
    await firewalldLoaded(async (one) => {
      asked.push(one.argv.join(' '));
      return { exitCode: 1, stdout: '', stderr: '', trouble: null };
    });
    assert.equal(asked.length, 1);
  } finally {
    await bed.close();
  }
});
