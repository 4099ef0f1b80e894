/** Bans for firewalld, with a real one: it is never reloaded, and its own reloads lift no ban. Truth is a real packet. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const BANNED = ['10.2.1.99', 'fd02::99'];
const skip = unlessTestbed('firewalld', 'firewall-cmd', 'dbus-daemon', 'nft');

describe('bans for firewalld', { skip, timeout: 280_000, concurrency: 2 }, () => {
  for (const backend of ['nftables', 'iptables'] as const) {
    describe(`with FirewallBackend=${backend}`, { concurrency: 1 }, () => story(backend));
  }
});

function story(backend: 'nftables' | 'iptables'): void {
  let bed: Testbed;
  let running: Running;
  const refuses = async (): Promise<void> => {
    for (const from of BANNED) assert.equal(await bed.curl({ from }), 'refused', from);
  };

  before(async () => {
    bed = await makeTestbed([8080], backend);
    await bed.sh('firewall-cmd', '-q', '--permanent', '--add-port=8080/tcp');
    await bed.sh('firewall-cmd', '-q', '--reload');
    await bed.sh('firewall-cmd', '-q', '--add-port=9999/tcp');
    running = makeRunning(bed, { jail: ['action = firewallcmd-ipset', 'maxretry = 1', 'bantime = 1h'] });
    await running.start('--poll', '0.2');
    running.fail(...BANNED);
    await running.standing('10.2.1.99', 'fd02::99');
  });
  after(async () => {
    await running?.close();
    await bed?.close();
  });

  it('what was set at runtime only stays, and the log says where the bans stand and why', async () => {
    await refuses();
    assert.match(await bed.sh('firewall-cmd', '--list-ports'), /\b9999\/tcp/);
    assert.equal(running.logged(/INFO .*bans for firewalld stand beside it, in nftables: /).length, 1);
    const { stdout } = await running.f2b('check');
    assert.match(stdout, /bans for firewalld stand beside it/);
  });

  for (const how of ['--reload', '--complete-reload']) {
    it(`firewall-cmd ${how} lifts no ban at any moment`, async () => {
      let isOver = false;
      const reload = bed.sh('firewall-cmd', '-q', how).finally(() => {
        isOver = true;
      });
      while (!isOver) for (const from of BANNED) assert.notEqual(await bed.curl({ from }), 'accepted');
      await reload;
      await refuses();
      assert.deepEqual(running.logged(/changed by others/), []);
    });
  }

  it('neither does a firewalld that ends and starts again; a ban is made meanwhile', async () => {
    await bed.stopFirewalld();
    running.fail('10.2.1.100');
    await running.standing('10.2.1.100');
    await refuses();
    await bed.startFirewalld();
    await refuses();
    assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
    assert.deepEqual(running.logged(/changed by others|ERROR/), []);
  });

  it('after stop and flush nothing is left', async () => {
    await running.stop();
    const { stdout, exitCode } = await running.f2b('flush');
    assert.deepEqual([stdout, exitCode], ['3\n', 0]);
    await eventually('the port is open', async () => (await bed.curl()) === 'accepted');
    assert.doesNotMatch(await bed.sh('nft', 'list', 'ruleset'), /f2b/);
    const folder = (bed.env['DBUS_SYSTEM_BUS_ADDRESS'] ?? '').replace(/^unix:path=|\/bus$/g, '');
    assert.equal(await bed.sh('find', `${folder}/etc`, '-name', '*f2b*'), '');
  });
}
