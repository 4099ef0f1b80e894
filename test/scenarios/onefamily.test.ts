/** Hosts that have only one address family, or a chain in only one: the other is not held up, and that is said once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const KINDS = ['ipset', 'iptables'] as const;
const skip = unlessTestbed('ipset', 'iptables', 'ip6tables', 'unshare', 'mount');

/** Words before the daemon: it sees a host whose ip6tables is not installed, or cannot work. */
const WITHOUT_IPV6 = {
  missing: 'rm -f /usr/sbin/ip6tables*',
  failing: `rm -f /usr/sbin/ip6tables*
for name in ip6tables ip6tables-restore ip6tables-save; do
  printf '#!/bin/sh\\necho "ip6tables: cannot initialize: Address family not supported" >&2\\nexit 3\\n' >/usr/sbin/$name
  chmod 755 /usr/sbin/$name
done`,
} as const;

function prefixOf(how: keyof typeof WITHOUT_IPV6): readonly string[] {
  const overlay = 'lowerdir=/usr/sbin,upperdir=/mnt/up,workdir=/mnt/work';
  const make = `mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work && mount -t overlay overlay -o ${overlay} /usr/sbin`;
  return ['unshare', '-m', 'sh', '-ec', `${make}\n${WITHOUT_IPV6[how]}\nexec "$@"`, 'sh'];
}

type Options = { readonly jail: readonly string[]; readonly prefix?: readonly string[] };

async function scene(
  options: Options,
  work: (running: Running, bed: Testbed) => Promise<void>,
): Promise<void> {
  const bed = await makeTestbed([8080]);
  const jail = ['maxretry = 1', 'bantime = 1h', 'ipv6prefix = 128', ...options.jail];
  const running = makeRunning(bed, { ...options, jail });
  try {
    await work(running, bed);
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log().slice(-3000)}`, { cause: error });
  } finally {
    await running.close();
    await bed.close();
  }
}

const pendingOf = (running: Running, id: string): string | null | undefined =>
  running.state().jails.get('web')?.bans.get(id)?.pending;

describe('one family only', { skip, timeout: 280_000, concurrency: 3 }, () => {
  for (const kind of KINDS) {
    for (const how of ['missing', 'failing'] as const) {
      it(`${kind}: with ip6tables ${how} the bans of IPv4 stand, are repaired and end`, () =>
        scene({ jail: [`action = ${kind}`], prefix: prefixOf(how) }, async (running, bed) => {
          await running.start('--poll', '0.1');
          running.fail('fd02::99', 'fd02::100', '10.2.1.99');
          await running.standing('10.2.1.99');
          assert.equal(await bed.curl(), 'refused');
          await eventually('the reason is saved', () =>
            /^IPv6 is left out: ip6tables/.test(pendingOf(running, 'fd02::99') ?? ''),
          );
          assert.equal(running.logged(/WARNING .*: IPv6 is left out: ip6tables/).length, 1);
          assert.deepEqual(running.logged(/ERROR|changed by others/), []);
          await bed.sh('iptables', '-F');
          await eventually('it is repaired', async () => (await bed.curl()) === 'refused');
          running.fail('10.2.1.100');
          await running.standing('10.2.1.100');
          await running.f2b('unbanip', '10.2.1.99');
          await eventually('it is let in', async () => (await bed.curl()) === 'accepted');
          await running.f2b('reload');
          assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
        }));
    }

    it(`${kind}: a chain that only IPv4 has, as Docker's without IPv6, takes the bans of IPv4`, () =>
      scene({ jail: [`action = ${kind}[chain=MINE]`] }, async (running, bed) => {
        await bed.sh('iptables', '-N', 'MINE');
        await bed.sh('iptables', '-I', 'INPUT', '-j', 'MINE');
        await running.start('--poll', '0.1');
        running.fail('10.2.1.99', 'fd02::99');
        await running.standing('10.2.1.99');
        assert.equal(await bed.curl(), 'refused');
        assert.equal(await bed.curl({ from: 'fd02::99' }), 'accepted');
        assert.equal(running.logged(/WARNING .*IPv6 is left out of MINE: it has no such chain/).length, 1);
        await bed.sh('iptables', '-F', 'MINE');
        await eventually('it is repaired', async () => (await bed.curl()) === 'refused');
        // The chain comes: its bans stand soon.
        await bed.sh('ip6tables', '-N', 'MINE');
        await bed.sh('ip6tables', '-I', 'INPUT', '-j', 'MINE');
        await running.standing('fd02::99');
        assert.equal(await bed.curl({ from: 'fd02::99' }), 'refused');
        assert.deepEqual(running.logged(/ERROR/), []);
      }));
  }
});
