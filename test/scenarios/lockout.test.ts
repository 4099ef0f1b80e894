/** Who is never banned, bans on trial, and networks that take the place of hosts: the daemon and banip, by real packets. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

describe('lock-out', { skip: unlessTestbed('nft'), timeout: 280_000 }, () => {
  let bed: Testbed;
  let running: Running;
  const bansOf = (): readonly string[] => [...(running.state().jails.get('web')?.bans.keys() ?? [])];

  const list = (): string => join(running.folder, 'allowed');

  before(async () => {
    bed = await makeTestbed([8080]);
    await bed.sh('ip', 'route', 'add', 'default', 'via', '10.2.1.99');
    const jail = [
      'action = nftables',
      'maxretry = 1',
      'bantime = 1h',
      'rollup = 3/24',
      'ignoreip = 192.0.2.9 file:allowed',
    ];
    running = makeRunning(bed, { jail });
    const web = join(running.folder, 'etc/jail.d/web.conf');
    writeFileSync(list(), '192.0.2.20\n');
    writeFileSync(web, readFileSync(web, 'utf8').replace('file:allowed', `file:${list()}`));
    await running.start('--poll', '0.2');
  });
  after(async () => {
    await running?.close();
    await bed?.close();
  });

  it('the default gateway is not banned by the log, and that is logged', async () => {
    running.fail('10.2.1.99', '10.2.1.10', '10.2.0.0/15', '10.2.1.100');
    await eventually(
      'the last one is banned',
      async () => (await bed.curl({ from: '10.2.1.100' })) === 'refused',
    );
    assert.equal(await bed.curl(), 'accepted');
    assert.equal(running.logged(/WARNING .*10\.2\.1\.99 is not banned: it is the default gateway/).length, 1);
    assert.equal(running.logged(/Ignore 10\.2\.1\.10 by ignoreself rule/).length, 1);
    await eventually('it is saved', () => bansOf().includes('10.2.1.100'));
    assert.deepEqual(bansOf(), ['10.2.1.100']);
  });

  it('banip refuses whoever is protected, and everything', async () => {
    const log = `${running.folder}/f2b.log`;
    for (const [id, why] of [
      ['10.2.1.99', /it is the default gateway/],
      ['10.2.1.0/24', /it holds the default gateway/],
      ['10.2.1.10', /address of this machine/],
      ['192.0.2.9', /ignoreip/],
      ['192.0.2.0/24', /ignoreip/],
      ['0.0.0.0/0', /wider than/],
      ['198.18.0.0/15', /wider than \/16\n.*--wide/],
      ['::/0', /wider than/],
    ] as const) {
      const { exitCode, stderr } = await running.f2b('banip', 'web', id, '--log', log);
      assert.equal(exitCode, 2, id);
      assert.match(stderr, why);
    }
    assert.equal(running.logged(/WARNING .* is never banned: /).length, 8, 'each refusal is logged');
    assert.equal((await running.f2b('banip', '--wide', 'web', '198.18.0.0/15')).exitCode, 0);
  });

  it('a file of ignoreip is read again when it changes, by the daemon and by banip; a broken one changes nothing', async () => {
    const ignored = (id: string): number => running.logged(new RegExp(`Ignore ${id} by ip$`)).length;
    running.fail('192.0.2.20');
    await eventually('it is protected', () => ignored('192.0.2.20') === 1);
    writeFileSync(list(), '# ours\n192.0.2.20, 192.0.2.21\n2001:db8:7::/48 ; the office\n');
    await eventually(
      'it was read again',
      () => running.logged(/INFO .*ignoreip: read .*, 3 entries$/).length === 1,
    );
    running.fail('192.0.2.21', '2001:db8:7::8');
    await eventually('the new ones are protected', () => ignored('2001:db8:7::8') === 1);
    assert.equal(ignored('192.0.2.21'), 1);
    const refused = await running.f2b('banip', 'web', '2001:db8:7:1::/64');
    assert.match(refused.stderr, /2001:db8:7:1::\/64 is never banned: ignoreip of the jail/);
    writeFileSync(list(), '192.0.2.2O\n');
    const said = (): number =>
      running.logged(/WARNING .*allowed:1: "192\.0\.2\.2O" is not an address/).length;
    await eventually('the mistake is told', () => said() === 1);
    running.fail('192.0.2.20');
    await eventually('it is still protected', () => ignored('192.0.2.20') === 2);
    rmSync(list());
    await eventually(
      'that it is gone is told',
      () => running.logged(/WARNING .*cannot read .*allowed: ENOENT/).length === 1,
    );
    running.fail('192.0.2.20');
    await eventually('it is protected even then', () => ignored('192.0.2.20') === 3);
    writeFileSync(list(), '192.0.2.20\n');
    await eventually('it is back', () => running.logged(/ignoreip: read .*, 1 entries$/).length === 1);
    assert.equal(
      bansOf().some((id) => id.startsWith('192.0.2.2') || id.startsWith('2001:db8:7')),
      false,
    );
  });

  it('banip --confirm lifts the ban again unless it is confirmed, with and without a daemon', async () => {
    for (const isRunning of [true, false]) {
      if (!isRunning) await running.stop();
      const onTrial = (time: string, ...ids: readonly string[]) =>
        running.f2b('banip', '--confirm', time, 'web', ...ids);
      assert.equal((await onTrial('60', '10.2.1.101', 'fd02::100')).stdout, '2\n');
      assert.equal(await bed.curl({ from: '10.2.1.101' }), 'refused');
      assert.equal((await running.f2b('banip', '--confirmed', 'web', 'fd02::100')).stdout, '1\n');
      assert.equal((await running.f2b('unbanip', '10.2.1.101')).stdout, '1\n');
      // One that is short enough to wait for may be over before the next command on a slow machine.
      assert.equal((await onTrial('3', '10.2.1.101')).stdout, '1\n');
      await eventually(
        'the other is lifted',
        async () => (await bed.curl({ from: '10.2.1.101' })) === 'accepted',
      );
      assert.equal(await bed.curl({ from: 'fd02::100' }), 'refused');
      assert.equal((await running.f2b('banip', '--confirmed', 'web', 'fd02::100')).stdout, '0\n');
      assert.equal((await running.f2b('unbanip', 'fd02::100')).stdout, '1\n');
    }
    await running.start('--poll', '0.2');
  });

  it('three hosts of a network become one ban of it, which an unban undoes', async () => {
    running.fail('203.0.113.1', '203.0.113.2', '203.0.114.1');
    running.fail('203.0.113.3');
    await eventually('the network is banned', () => running.logged(/ Ban 203\.0\.113\.0\/24$/).length === 1);
    const set = (): Promise<string> => bed.sh('nft', 'list', 'table', 'inet', 'f2b');
    await eventually('it stands, and its hosts do not', async () => {
      const text = await set();
      return text.includes('203.0.113.0 timeout') && !text.includes('203.0.113.3');
    });
    running.fail('203.0.113.4');
    await eventually(
      'a host in it is banned already',
      // A second later it prolongs the ban of the network.
      () => running.logged(/203\.0\.113\.(?:4|0\/24) already banned/).length === 1,
    );
    await running.standing('203.0.114.1', '203.0.113.0/24');
    assert.match((await running.f2b('status', 'web')).stdout, /203\.0\.114\.1 203\.0\.113\.0\/24/);
    const bans = (await running.f2b('status', 'web', '--bans')).stdout;
    assert.match(bans, /^web\t203\.0\.113\.0\/24\t2.*\t2.*\t1\t1h\tenforced$/m);
    assert.equal((await running.f2b('unbanip', 'web', '203.0.113.0/24')).stdout, '1\n');
    assert.doesNotMatch(await set(), /203\.0\.113\.0 timeout/);
  });

  it('a daemon that is stopped with --lift takes its rules along, and brings the bans back', async () => {
    await running.stop();
    await running.start('--lift', '--poll', '0.2');
    assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
    await running.stop();
    assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
    assert.equal(await bed.sh('nft', 'list', 'ruleset'), '');
    await running.start('--poll', '0.2');
    await eventually('it is back', async () => (await bed.curl({ from: '10.2.1.100' })) === 'refused');
  });
});
