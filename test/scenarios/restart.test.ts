/** Bans over restarts and over the daemon's death, by real packets, for each firewall. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Ban, emptyState, jailState } from '../../src/state/state.ts';
import { printState } from '../state/print.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

type Kind = 'nftables' | 'ipset' | 'iptables' | 'firewalld';
type Words = readonly [string, ...string[]];

const PROGRAMS: Readonly<Record<Kind, readonly string[]>> = {
  nftables: ['nft'],
  ipset: ['ipset', 'iptables', 'ip6tables'],
  iptables: ['iptables', 'ip6tables'],
  firewalld: ['firewalld', 'firewall-cmd', 'dbus-daemon', 'busctl', 'nft'],
};
/** Prints the addresses that the kernel holds. */
const LISTS: Readonly<Record<Kind, Words>> = {
  nftables: ['nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'],
  ipset: ['ipset', 'save', 'f2b.web-4'],
  iptables: ['iptables', '-S', 'f2b.web'],
  firewalld: ['nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'],
};
const KINDS = ['nftables', 'ipset', 'iptables', 'firewalld'] as const;
const MANY = 10_000;

async function scene(
  kind: Kind,
  jail: readonly string[],
  work: (running: Running, bed: Testbed) => Promise<void>,
): Promise<void> {
  const bed = await makeTestbed([8080], kind === 'firewalld' ? 'nftables' : null);
  if (kind === 'firewalld') {
    await bed.sh('firewall-cmd', '-q', '--permanent', '--add-port=8080/tcp');
    await bed.sh('firewall-cmd', '-q', '--reload');
  }
  const running = makeRunning(bed, {
    jail: [`action = ${kind}`, 'maxretry = 1', 'ipv6prefix = 128', ...jail],
  });
  try {
    await work(running, bed);
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log().slice(-3000)}`, { cause: error });
  } finally {
    await running.close();
    await bed.close();
  }
}

/** Writes a state with bans that ran for a while: MANY hosts of 198.18.0.0/15, and two that knock. */
function writeBans(running: Running): void {
  const now = Date.now() / 1000;
  const ban: Ban = {
    ...{ at: now - 60, until: now + 3600, failures: 1, count: 1 },
    ...{ origin: 'log', matches: [], pending: null },
  };
  const state = emptyState();
  const { bans } = jailState(state, 'web');
  for (let i = 0; i < MANY; i++) bans.set(`198.18.${i >> 8}.${i & 255}`, { ...ban });
  for (const id of ['10.2.1.99', 'fd02::99']) bans.set(id, { ...ban });
  mkdirSync(join(running.folder, 'state'));
  writeFileSync(join(running.folder, 'state/state.json'), printState(state, now));
}

/** As if the ban's time were up. */
function passTime(running: Running, id: string): void {
  const state = running.state();
  const { bans } = jailState(state, 'web');
  const ban = bans.get(id);
  assert.ok(ban !== undefined);
  const now = Date.now() / 1000;
  bans.set(id, { ...ban, until: now - 1 });
  writeFileSync(join(running.folder, 'state/state.json'), printState(state, now));
}

describe('over restarts and the death of the daemon', { timeout: 280_000, concurrency: 4 }, () => {
  for (const kind of KINDS) {
    it(
      `${kind}: ${MANY} bans of the state stand again after a start, and after the next one`,
      {
        skip: unlessTestbed(...PROGRAMS[kind]),
      },
      () =>
        scene(kind, ['bantime = 1h'], async (running, bed) => {
          const answer = (from: string, what: string): Promise<void> =>
            eventually(`${from} is ${what}`, async () => (await bed.curl({ from })) === what, 60);
          const held = async (): Promise<number> =>
            (await bed.sh(...LISTS[kind])).match(/\b198\.1[89]\.\d+\.\d+/g)?.length ?? 0;
          writeBans(running);
          await answer('10.2.1.99', 'accepted');
          for (const isFirst of [true, false]) {
            await running.start('--poll', '0.2');
            await answer('10.2.1.99', 'refused');
            await answer('fd02::99', 'refused');
            await eventually('the kernel has them all', async () => (await held()) === MANY, 100);
            assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
            if (!isFirst) break;
            await running.stop();
            await answer('10.2.1.99', 'refused');
          }
          assert.equal(running.logged(/ERROR/).length, 0);
          assert.equal((await running.f2b('unbanip', 'web', '10.2.1.99')).stdout, '1\n');
          await answer('10.2.1.99', 'accepted');
          assert.equal((await running.f2b('flush')).stdout, `${MANY + 1}\n`);
          await answer('fd02::99', 'accepted');
        }),
    );
  }

  for (const kind of ['nftables', 'ipset'] as const) {
    it(
      `${kind}: the kernel ends the bans of a daemon that was killed`,
      {
        skip: unlessTestbed(...PROGRAMS[kind]),
      },
      () =>
        scene(kind, ['bantime = 25s'], async (running, bed) => {
          const all = (answer: string) => async (): Promise<boolean> =>
            (await bed.curl()) === answer && (await bed.curl({ from: 'fd02::99' })) === answer;
          await running.start('--poll', '0.1');
          running.fail('10.2.1.99', 'fd02::99');
          await running.standing('10.2.1.99', 'fd02::99');
          await eventually('both are refused', all('refused'));
          await running.stop('SIGKILL');
          assert.ok(await all('refused')());
          await eventually('both are accepted again', all('accepted'), 60);
        }),
    );
  }

  for (const kind of ['nftables', 'ipset', 'iptables'] as const) {
    it(
      `${kind}: a ban that the kernel has is in the state, though the daemon is killed at that instant`,
      { skip: unlessTestbed(...PROGRAMS[kind]) },
      () =>
        scene(kind, ['bantime = 1h'], async (running, bed) => {
          // The list fails before there is a set.
          const held = (): Promise<string> => bed.sh(...LISTS[kind]).catch(() => '');
          for (let i = 1; i <= 5; i++) {
            const address = `198.51.100.${i}`;
            await running.start('--poll', '0.1');
            running.fail(address);
            while (!(await held()).includes(address)) assert.ok(running.pid() > 0);
            await running.stop('SIGKILL');
            assert.ok(running.state().jails.get('web')?.bans.has(address), `${address} is saved`);
          }
          assert.equal(running.logged(/Found/).length, 5);
        }),
    );
  }

  it(
    'iptables: bans end by the daemon, or when the next one starts',
    { skip: unlessTestbed(...PROGRAMS.iptables) },
    () =>
      scene('iptables', ['bantime = 1h'], async (running, bed) => {
        await running.start('--poll', '0.1');
        running.fail('10.2.1.99');
        await eventually('it is refused', async () => (await bed.curl()) === 'refused');
        await running.standing('10.2.1.99');
        await running.stop('SIGKILL');
        passTime(running, '10.2.1.99');
        assert.equal(await bed.curl(), 'refused');
        await running.start('--poll', '0.1');
        await eventually('it is accepted', async () => (await bed.curl()) === 'accepted');
      }),
  );

  it(
    'bans stand before filters are compiled, also those of a jail whose filter is broken',
    { skip: unlessTestbed(...PROGRAMS.nftables) },
    () =>
      scene('nftables', ['bantime = 1h'], async (running, bed) => {
        const path = join(running.folder, 'etc/jail.d/web.conf');
        const bad = ['[bad]', 'enabled = true', 'filter =', 'failregex = ^<HOST> (x$', 'action = nftables'];
        writeFileSync(path, `${readFileSync(path, 'utf8')}${bad.join('\n')}\nlogpath = /nothing\n`);
        const now = Date.now() / 1000;
        const ban: Ban = {
          ...{ at: now, until: now + 3600, failures: 1, count: 1 },
          ...{ origin: 'log', matches: [], pending: null },
        };
        const state = emptyState();
        jailState(state, 'bad').bans.set('10.2.1.100', { ...ban });
        jailState(state, 'web').bans.set('10.2.1.99', { ...ban });
        mkdirSync(join(running.folder, 'state'));
        writeFileSync(join(running.folder, 'state/state.json'), printState(state, now));
        await running.start('--poll', '0.2');
        await eventually('its ban stands', async () => (await bed.curl()) === 'refused');
        assert.equal(running.logged(/ERROR .*Jail 'bad' is not started/).length, 1);
        assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
        assert.equal(await bed.curl(), 'refused');
      }),
  );

  it(
    'ipset: a ban that is longer than a set can say is given more time while the daemon runs',
    {
      skip: unlessTestbed(...PROGRAMS.ipset),
    },
    () =>
      scene('ipset', ['bantime = 60d'], async (running, bed) => {
        const MOST = 2_147_483;
        const left = async (id: string): Promise<number> =>
          Number(new RegExp(`${id} timeout (\\d+)`).exec(await bed.sh('ipset', 'save'))?.[1] ?? -1);
        await running.start('--poll', '0.1');
        running.fail('10.2.1.99', 'fd02::99');
        for (const id of ['10.2.1.99', 'fd02::99'])
          await eventually(`${id} has all the time that there is`, async () => (await left(id)) > MOST - 100);
        await running.standing('10.2.1.99', 'fd02::99');
        // As if so much time had passed that less than half is left; it is compared at the start, at a reload and every 5 minutes.
        await bed.sh('ipset', '-exist', 'add', 'f2b.web-4', '10.2.1.99', 'timeout', '1000000');
        await bed.sh('ipset', '-exist', 'add', 'f2b.web-6', 'fd02::99', 'timeout', '2000000');
        assert.equal((await running.f2b('reload')).exitCode, 0);
        await eventually('it was given more', async () => (await left('10.2.1.99')) > MOST - 100);
        assert.ok((await left('fd02::99')) <= 2_000_000, 'one with enough left is left alone');
      }),
  );
});
