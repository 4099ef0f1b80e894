/** Firewall programs that fail or hang while the daemon runs, and what the daemon executes at all. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findProgram, isLong, unlessLong } from '../testbed/need.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const ADDRESSES = Array.from({ length: 1000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);

const TABLES = ['iptables-save', 'ip6tables-save', 'iptables-restore', 'ip6tables-restore'] as const;
/** What each firewall may execute, and words that list what it holds. */
const EXECUTED = [
  { kind: 'nftables', programs: ['nft'], count: ['nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'] },
  { kind: 'ipset', programs: ['ipset', ...TABLES], count: ['ipset', 'save', 'f2b.web-4'] },
  { kind: 'iptables', programs: TABLES, count: ['iptables', '-S', 'f2b.web'] },
] as const;

describe('the daemon and its programs', { timeout: isLong ? 400_000 : 280_000 }, () => {
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

  it('a program that hangs is given up after 30 s; its bans are pending with that reason, others stand, and it is tried again', {
    skip: unlessLong || unlessTestbed('nft', 'ipset', 'iptables', 'mount'),
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'f2b-hanging-'));
    const nft = findProgram('nft') ?? '';
    const flag = join(folder, 'flag');
    copyFileSync(nft, join(folder, 'real'));
    const fake = `#!/bin/sh\n[ ! -e ${flag} ] || exec sleep 1000\nexec ${folder}/real "$@"\n`;
    writeFileSync(join(folder, 'nft'), fake);
    chmodSync(join(folder, 'nft'), 0o755);
    const prefix = ['sh', '-c', `mount --bind ${folder}/nft ${nft} && exec "$@"`, 'sh'];
    const bed = await makeTestbed([8080]);
    const jail = ['action = nftables', '         ipset', 'maxretry = 1', 'bantime = 1h'];
    const running = makeRunning(bed, { jail, prefix });
    try {
      await running.start('--poll', '0.2');
      running.fail('192.0.2.1');
      await running.standing('192.0.2.1');
      writeFileSync(flag, '');
      running.fail('10.2.1.99');
      await eventually('the other firewall refuses it', async () => (await bed.curl()) === 'refused');
      await eventually(
        'it is given up',
        () => running.logged(/10\.2\.1\.99 is not banned yet: nft: timed out after 30 s$/).length > 0,
        120,
      );
      const { stdout } = await running.f2b('status', 'web');
      assert.match(stdout, /Not enforced yet:\t.*10\.2\.1\.99 \(nft: timed out after 30 s\)/);
      running.fail('10.2.1.100');
      await eventually('others go on', async () => (await bed.curl({ from: '10.2.1.100' })) === 'refused');
      rmSync(flag);
      const set = (): Promise<string> => bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web');
      const both = async (): Promise<boolean> => /10\.2\.1\.99[\s\S]*10\.2\.1\.100/.test(await set());
      await eventually('both stand there too', both, 150);
      await running.standing('10.2.1.99', '10.2.1.100');
    } finally {
      rmSync(flag, { force: true });
      await running.close();
      await bed.close();
      rmSync(folder, { recursive: true });
    }
  });

  for (const { kind, programs, count } of EXECUTED) {
    it(`${kind}: over 1,000 bans and an unban it executes no shell, nothing but firewall programs, and nothing for a single ban`, {
      skip: unlessTestbed('strace', ...programs),
    }, async () => {
      const bed = await makeTestbed([]);
      const trace = join(mkdtempSync(join(tmpdir(), 'f2b-strace-')), 'trace');
      const strace = ['strace', '-D', '-f', '-qq', '-e', 'trace=execve', '-e', 'signal=none', '-o', trace];
      const jail = [`action = ${kind}`, 'maxretry = 1', 'bantime = 1h'];
      const running = makeRunning(bed, { jail, prefix: strace });
      try {
        await running.start('--poll', '0.2');
        for (let i = 0; i < ADDRESSES.length; i += 100) {
          running.fail(...ADDRESSES.slice(i, i + 100));
          const wanted = i + 100;
          await eventually('they are banned', () => running.logged(/ Ban 198/).length === wanted);
        }
        assert.equal((await running.f2b('unbanip', 'web', '198.18.0.1')).stdout, '1\n');
        await eventually(
          'the daemon heard of it',
          () => running.logged(/ Unban 198\.18\.0\.1$/).length === 1,
        );
        await eventually('all stand', async () => {
          const [program, ...args] = count;
          const list = await bed.sh(program, ...args);
          return list.match(/198\.18\./g)?.length === 999;
        });
        await running.stop();
        const calls = readFileSync(trace, 'utf8').matchAll(/execve\("([^"]+)".*= 0$/gm);
        const names = [...calls].map(([, path = '']) => path.split('/').at(-1) ?? '');
        assert.match(names[0] ?? '', /^(?:node|f2b)$/);
        const executed = names.slice(1);
        const times = (name: string): number => executed.filter((one) => one === name).length;
        // flock(1) takes the state's lock for each write of it; setpriv sees to it that `nft monitor` ends with the daemon.
        const allowed = new Set([...programs, 'nft', 'flock', 'setpriv', 'true', 'ss', 'conntrack']);
        // Once at the start: what did an earlier configuration leave in the other firewalls?
        const looked = ['ipset', 'iptables-save', 'ip6tables-save', 'busctl'];
        assert.deepEqual(
          executed.filter((name) => !allowed.has(name) && !looked.includes(name)),
          [],
        );
        for (const name of looked)
          assert.ok(allowed.has(name) || times(name) <= 2, `${times(name)} times ${name}`);
        assert.ok(executed.length < 200, `${executed.length} programs`);
        assert.ok(times('flock') < 60 && times('true') === 1, `${times('flock')} times flock`);
        // They end the connections that were open, for each burst.
        assert.ok(
          times('ss') + times('conntrack') < 80,
          `${times('ss')} times ss, ${times('conntrack')} conntrack`,
        );
        assert.ok(times('setpriv') <= 3, `${times('setpriv')} times setpriv`);
      } finally {
        await running.close();
        await bed.close();
        rmSync(join(trace, '..'), { recursive: true });
      }
    });
  }
});
