/** A flood of addresses against a jail with few places for bans, with a real nftables and packets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crowdOf } from '../../src/ban/maxbans.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const skip = unlessTestbed('nft');
const MAXBANS = 64;

async function scene(work: (running: Running, bed: Testbed) => Promise<void>): Promise<void> {
  const bed = await makeTestbed([8080]);
  const jail = [
    'maxretry = 1',
    'bantime = 1h',
    `maxbans = ${MAXBANS}`,
    'ignoreself = false',
    'action = nftables',
  ];
  const running = makeRunning(bed, { jail });
  try {
    await running.start('--poll', '0.1');
    await work(running, bed);
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log().slice(-3000)}`, { cause: error });
  } finally {
    await running.close();
    await bed.close();
  }
}

const crowd = (running: Running) => {
  const jail = running.state().jails.get('web');
  return jail === undefined ? null : crowdOf(jail, MAXBANS, 64);
};

/** Elements of the kernel's sets without our own marks. */
async function inKernel(bed: Testbed): Promise<number> {
  const listing = await bed.sh('nft', 'list', 'table', 'inet', 'f2b');
  return [...listing.matchAll(/\bexpires\b/g)].length;
}

describe('a flood of addresses', { skip, timeout: 120_000, concurrency: 2 }, () => {
  it('from everywhere: who was banned stays banned, who comes back is banned, status and check tell of it', () =>
    scene(async (running, bed) => {
      running.fail('10.2.1.99');
      await running.standing('10.2.1.99');
      running.fail(...Array.from({ length: 200 }, (_, i) => `${20 + i}.${i}.7.7`), '10.2.1.100');
      await eventually('the jail is full', () => crowd(running)?.refused === 146);
      assert.equal(await bed.curl(), 'refused');
      assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
      running.fail('10.2.1.100');
      await running.standing('10.2.1.100');
      assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
      assert.equal(crowd(running)?.count, 57);
      await eventually('the kernel has them all', async () => (await inKernel(bed)) === 57);
      assert.equal(running.logged(/WARNING .*no room for a ban/).length, 1);
      const status = await running.f2b('status', 'web');
      assert.match(
        status.stdout,
        /\|- Full:\tthe log has made 57 of 64 bans \(maxbans\); new ids are not banned, 14\d were refused/,
      );
      const check = await running.f2b('check');
      assert.match(check.stdout + check.stderr, /maxbans: full: the log has made 57 of 64/);
    }));

  it('from one network: it becomes one ban, which holds all of it, and status names it', () =>
    scene(async (running, bed) => {
      assert.equal(await bed.curl({ from: '10.2.1.101' }), 'accepted');
      running.fail(...Array.from({ length: 60 }, (_, i) => `10.2.1.${i + 150}`));
      await running.standing('10.2.1.0/24');
      assert.equal(await bed.curl({ from: '10.2.1.101' }), 'refused');
      await eventually('the kernel has one ban', async () => (await inKernel(bed)) === 1);
      assert.match((await running.f2b('status', 'web')).stdout, /\|- Networks:\t10\.2\.1\.0\/24\n/);
      await running.f2b('unbanip', '10.2.1.0/24');
      await eventually('it is let in', async () => (await bed.curl()) === 'accepted');
    }));
});
