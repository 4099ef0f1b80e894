/** What an earlier configuration put into the kernel is found and cleared, in every firewall. Truth is a real packet. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const KINDS = ['nftables', 'ipset', 'iptables'] as const;
const skip = unlessTestbed('nft', 'ipset', 'iptables', 'ip6tables');

type Scene = { readonly bed: Testbed; readonly running: Running; edit(from: RegExp, to: string): void };

async function scene(kind: string, work: (scene: Scene) => Promise<void>): Promise<void> {
  const bed = await makeTestbed([8080, 8081]);
  const jail = [
    `action = ${kind}[port=8080, protocol=tcp]`,
    'maxretry = 1',
    'bantime = 1h',
    'ipv6prefix = 128',
  ];
  const running = makeRunning(bed, { jail });
  const path = join(running.folder, 'etc/jail.d/web.conf');
  const edit = (from: RegExp, to: string): void =>
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  try {
    await work({ bed, running, edit });
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log().slice(-3000)}`, { cause: error });
  } finally {
    await running.close();
    await bed.close();
  }
}

/** Everything of ours that stands, as the programs print it. */
async function ours(bed: Testbed): Promise<string> {
  const lists = [
    ['nft', 'list', 'ruleset'],
    ['ipset', 'save'],
    ['iptables-save'],
    ['ip6tables-save'],
  ] as const;
  const texts = await Promise.all(lists.map(([program, ...args]) => bed.sh(program, ...args)));
  return texts.flatMap((text) => text.split('\n').filter((line) => /f2b/.test(line))).join('\n');
}

const OF: Readonly<Record<string, RegExp>> = {
  nftables: /table inet f2b/,
  ipset: /f2b\.web-4/,
  iptables: /f2b\.web chain/,
};

async function banBoth({ bed, running }: Scene): Promise<void> {
  running.fail('10.2.1.99', 'fd02::99');
  await running.standing('10.2.1.99', 'fd02::99');
  for (const from of ['10.2.1.99', 'fd02::99']) assert.equal(await bed.curl({ from }), 'refused');
}

describe('what an earlier configuration left in the kernel', {
  skip,
  timeout: 280_000,
  concurrency: 3,
}, () => {
  for (const [i, first] of KINDS.entries()) {
    const second = KINDS[(i + 1) % KINDS.length] ?? 'nftables';
    for (const how of ['start', 'reload'] as const) {
      it(`${first}, then ${second}: the bans move at the next ${how}, and an unban lets in`, () =>
        scene(first, async (all) => {
          const { bed, running, edit } = all;
          await running.start('--poll', '0.1');
          await banBoth(all);
          if (how === 'start') await running.stop();
          edit(/action = \w+/, `action = ${second}`);
          if (how === 'start') await running.start('--poll', '0.1');
          else assert.equal((await running.f2b('reload')).exitCode, 0);
          const told = new RegExp(`NOTICE .*${first}: removed what an earlier configuration left: web$`);
          await eventually('it is cleared, and said', () => running.logged(told).length === 1);
          assert.doesNotMatch(await ours(bed), OF[first] ?? /^/);
          assert.match(await ours(bed), OF[second] ?? /^/);
          for (const from of ['10.2.1.99', 'fd02::99']) assert.equal(await bed.curl({ from }), 'refused');
          assert.equal((await running.f2b('unbanip', 'web', '10.2.1.99')).stdout, '1\n');
          await eventually('it is let in', async () => (await bed.curl()) === 'accepted');
          assert.equal(await bed.curl({ from: 'fd02::99' }), 'refused');
          assert.deepEqual(running.logged(/changed by others|ERROR/), []);
          await running.stop();
          await running.f2b('flush');
          assert.equal(await ours(bed), '');
        }));
    }

    it(`${first}: where no daemon runs, unbanip clears what another configuration left`, () =>
      scene(first, async (all) => {
        const { bed, running, edit } = all;
        await running.start('--poll', '0.1');
        await banBoth(all);
        await running.stop();
        edit(/action = \w+/, `action = ${second}`);
        assert.equal((await running.f2b('unbanip', '10.2.1.99')).stdout, '1\n');
        assert.equal(await bed.curl(), 'accepted');
        assert.equal(await bed.curl({ from: 'fd02::99' }), 'refused');
        assert.doesNotMatch(await ours(bed), OF[first] ?? /^/);
      }));

    it(`${first}: the last jail that used it is disabled, its ban goes at the reload`, () =>
      scene(first, async (all) => {
        const { bed, running, edit } = all;
        await running.start('--poll', '0.1');
        await banBoth(all);
        edit(/enabled = true/, 'enabled = false');
        await running.f2b('reload');
        await eventually('it is let in', async () => (await bed.curl()) === 'accepted');
        await eventually('nothing is left', async () => (await ours(bed)) === '');
      }));

    it(`${first}: another port and chain take the place of the earlier ones`, () =>
      scene(first, async (all) => {
        const { bed, running, edit } = all;
        await running.start('--poll', '0.1');
        await banBoth(all);
        edit(/port=8080/, 'port=8081, chain="INPUT,FORWARD"');
        await running.f2b('reload');
        await eventually(
          'the new port is closed',
          async () => (await bed.curl({ port: 8081 })) === 'refused',
        );
        await eventually('the old one is open', async () => (await bed.curl()) === 'accepted');
        assert.deepEqual(running.logged(/changed by others|ERROR/), []);
      }));
  }
});

describe('commands beside a running daemon', { skip, timeout: 280_000, concurrency: 3 }, () => {
  for (const kind of KINDS) {
    it(`${kind}: banip, unbanip and flush are no damage done by others, and flush leaves the rules`, () =>
      scene(kind, async (all) => {
        const { bed, running } = all;
        await running.start('--poll', '0.1');
        await banBoth(all);
        for (const id of ['10.2.1.100', 'fd02::100', '198.51.100.0/24']) {
          assert.equal((await running.f2b('banip', 'web', id)).exitCode, 0);
          await running.standing(id);
        }
        assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
        assert.equal((await running.f2b('unbanip', 'web', '10.2.1.100')).exitCode, 0);
        await eventually('that is told', () => running.logged(/Unban 10\.2\.1\.100$/).length === 1);
        assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
        for (const jail of [['web'], []]) {
          running.fail('10.2.1.101');
          await running.standing('10.2.1.101');
          const { stdout, stderr, exitCode } = await running.f2b('flush', ...jail);
          assert.deepEqual([stdout, stderr, exitCode], [jail.length > 0 ? '5\n' : '1\n', '', 0]);
          const unbans = jail.length > 0 ? 1 : 2;
          await eventually('the bans end', () => running.logged(/Unban 10\.2\.1\.101$/).length === unbans);
          assert.equal(await bed.curl({ from: '10.2.1.101' }), 'accepted');
          assert.match(await ours(bed), OF[kind] ?? /^/);
        }
        running.fail('10.2.1.99');
        await running.standing('10.2.1.99');
        assert.equal(await bed.curl(), 'refused');
        assert.deepEqual(running.logged(/changed by others|ERROR/), []);
        assert.equal(running.state().repairs.size, 0);
      }));
  }
});
