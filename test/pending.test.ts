/** Firewall programs that fail or hang while the daemon runs, and what the daemon executes at all. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findProgram } from './need.ts';
import { makeRunning, type Running } from './running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from './testbed.ts';

const ADDRESSES = Array.from({ length: 1000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);

describe('the daemon and its programs', { timeout: 110_000 }, () => {
  it('a program that is refused or hangs leaves bans pending, with the reason; reading goes on, and so do other firewalls', {
    skip: unlessTestbed('nft', 'ipset', 'iptables', 'mount'),
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'f2b-pending-'));
    const nft = findProgram('nft') ?? '';
    const flag = join(folder, 'flag');
    copyFileSync(nft, join(folder, 'real'));
    const fake = `#!/bin/sh
if [ "$(cat ${flag})" = refuse ]; then echo 'Error: Operation not permitted' >&2; exit 1; fi
while [ "$(cat ${flag})" = hang ]; do sleep 0.1; done
exec ${folder}/real "$@"
`;
    writeFileSync(join(folder, 'nft'), fake);
    chmodSync(join(folder, 'nft'), 0o755);
    writeFileSync(flag, 'refuse');
    // What `ip netns exec` starts sees mounts of its own.
    const prefix = ['sh', '-c', `mount --bind ${folder}/nft ${nft} && exec "$@"`, 'sh'];
    let bed: Testbed | null = null;
    let running: Running | null = null;
    try {
      bed = await makeTestbed([]);
      const jail = ['action = nftables', '         ipset', 'maxretry = 1', 'bantime = 1h'];
      const daemon = makeRunning(bed, { jail, prefix });
      running = daemon;
      const { sh } = bed;
      const pending = (id: string): string | null | undefined =>
        daemon.state().jails.get('web')?.bans.get(id)?.pending;
      await daemon.start('--poll', '0.2');
      daemon.fail('192.0.2.1');
      await eventually('the other firewall has it', async () =>
        (await sh('ipset', 'save')).includes('192.0.2.1 '),
      );
      await eventually('it is pending', () => /not permitted/.test(pending('192.0.2.1') ?? ''));
      const { stdout } = await daemon.f2b('status', 'web');
      assert.match(stdout, /Not enforced yet:\t192\.0\.2\.1 \(nft: .*Operation not permitted.*\)/);
      writeFileSync(flag, 'go');
      await eventually('it is tried again', () => pending('192.0.2.1') === null);
      writeFileSync(flag, 'hang');
      daemon.fail('192.0.2.2');
      daemon.fail('192.0.2.3');
      await eventually('both have been read', () => daemon.logged(/ Ban 192\.0\.2\.[23]$/).length === 2);
      await eventually('the other firewall has them', async () =>
        /192\.0\.2\.2 [\s\S]*192\.0\.2\.3 |192\.0\.2\.3 [\s\S]*192\.0\.2\.2 /.test(await sh('ipset', 'save')),
      );
      writeFileSync(flag, 'go');
      await eventually('they stand', () => pending('192.0.2.2') === null && pending('192.0.2.3') === null);
      assert.match(
        await sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'),
        /192\.0\.2\.2[\s\S]*192\.0\.2\.3/,
      );
    } finally {
      writeFileSync(flag, 'go');
      await running?.close();
      await bed?.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('over 1,000 bans and an unban it executes no shell, and nothing for a single ban', {
    skip: unlessTestbed('nft', 'strace'),
  }, async () => {
    const bed = await makeTestbed([]);
    const trace = join(mkdtempSync(join(tmpdir(), 'f2b-strace-')), 'trace');
    const strace = ['strace', '-D', '-f', '-qq', '-e', 'trace=execve', '-e', 'signal=none', '-o', trace];
    const running = makeRunning(bed, {
      jail: ['action = nftables', 'maxretry = 1', 'bantime = 1h'],
      prefix: strace,
    });
    try {
      await running.start('--poll', '0.2');
      for (let i = 0; i < ADDRESSES.length; i += 100) {
        running.fail(...ADDRESSES.slice(i, i + 100));
        const wanted = i + 100;
        await eventually('they are banned', () => running.logged(/ Ban 198/).length === wanted);
      }
      await running.standing('198.18.0.1');
      assert.equal((await running.f2b('unbanip', 'web', '198.18.0.1')).stdout, '1\n');
      await eventually('the daemon heard of it', () => running.logged(/ Unban 198\.18\.0\.1$/).length === 1);
      await eventually('all stand', async () => {
        const set = await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web');
        return set.match(/198\.18\./g)?.length === 999;
      });
      await running.stop();
      const calls = readFileSync(trace, 'utf8').matchAll(/execve\("([^"]+)".*= 0$/gm);
      const programs = [...calls].map(([, path = '']) => path.split('/').at(-1));
      assert.match(programs[0] ?? '', /^(?:node|f2b)$/);
      // flock(1) takes the state's lock; setpriv sees to it that `nft monitor` ends with the daemon.
      const others = programs
        .slice(1)
        .filter((name) => !['nft', 'flock', 'setpriv', 'true'].includes(name ?? ''));
      assert.deepEqual(others, []);
      assert.ok(programs.length < ADDRESSES.length / 2, `${programs.length} programs`);
    } finally {
      await running.close();
      await bed.close();
      rmSync(join(trace, '..'), { recursive: true });
    }
  });
});
