/** `f2b run` among others: commands at the same time, signals, a second one, death; with a real nftables. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { command } from '../../src/base/process.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const PARALLEL = 50;

describe('f2b run', { skip: unlessTestbed('nft'), timeout: 280_000 }, () => {
  let bed: Testbed;
  let running: Running;

  before(async () => {
    bed = await makeTestbed([]);
    running = makeRunning(bed, {
      jail: ['banaction = nftables', 'maxretry = 2', 'findtime = 1h', 'bantime = 2h'],
    });
    await running.start('--poll', '0.1');
  });
  after(async () => {
    await running?.close();
    await bed?.close();
  });

  const numbered = (base: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${base}.${i + 1}`);
  const jail = () => running.state().jails.get('web');
  const banned = (): string[] => [...(jail()?.bans.keys() ?? [])].sort();
  /** Addresses in the kernel's set, none where there is no set; the one that is always there is no ban. */
  const inKernel = async (): Promise<string[]> => {
    const listed = await bed.run(command(['nft', 'list', 'set', 'inet', 'f2b', 'addr4-web']));
    return [...listed.stdout.matchAll(/\b\d+\.\d+\.\d+\.\d+\b/g)]
      .map(([address]) => address)
      .filter((address) => address !== '255.255.255.255')
      .sort();
  };
  const settled = (what: string, wanted: readonly string[]) =>
    eventually(what, async () => {
      return isDeepStrictEqual(banned(), wanted) && isDeepStrictEqual(await inKernel(), wanted);
    });

  it(`${PARALLEL} banips at the same time, while it is busy, lose nothing`, async () => {
    const fromLog = numbered('10.9.1', 200);
    const byHand = numbered('198.51.100', PARALLEL);
    let written = 0;
    const writer = setInterval(() => {
      const some = fromLog.slice(written, (written += 4));
      if (some.length > 0) running.fail(...some, ...some);
    }, 10);
    const outputs = await Promise.all(byHand.map((address) => running.f2b('banip', 'web', address)));
    for (const { exitCode, stdout, stderr } of outputs) {
      assert.deepEqual([exitCode, stdout], [0, '1\n']);
      assert.match(stderr, /^f2b: [\d.]+: banned until \S+ \S+\n$/);
    }
    await eventually('everything is written', () => written >= fromLog.length);
    clearInterval(writer);
    await settled('every ban stands', [...fromLog, ...byHand].sort());
    assert.deepEqual([jail()?.totalFailed, jail()?.totalBanned], [400, 200 + PARALLEL]);
    for (const address of byHand) assert.equal(running.logged(new RegExp(`Ban ${address}$`)).length, 1);
  });

  it('unbanips at the same time lose nothing either', async () => {
    const gone = numbered('198.51.100', PARALLEL / 2);
    const wanted = banned().filter((address) => !gone.includes(address));
    const outputs = await Promise.all(gone.map((address) => running.f2b('unbanip', address)));
    assert.deepEqual(new Set(outputs.map(({ stdout }) => stdout)), new Set(['1\n']));
    await settled('every ban is lifted', wanted);
    assert.equal(jail()?.totalBanned, 200 + PARALLEL);
  });

  it('a second one on the same state is refused with the pid of the first', async () => {
    const { exitCode, stdout, stderr } = await running.f2b('run');
    assert.equal(exitCode, 1);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^f2b: f2b already runs on \\S+, as process ${running.pid()}\\n$`));
  });

  it('SIGHUP, also several at once, keeps counts, bans and positions', async () => {
    running.fail('203.0.113.5');
    await eventually('the failure is counted', () => jail()?.failures.get('203.0.113.5')?.retry === 1);
    const [bans, failed] = [banned(), jail()?.totalFailed];
    const before = running.logged(/Jail 'web' started/).length;
    for (let i = 0; i < 3; i++) process.kill(running.pid(), 'SIGHUP');
    await eventually('it has reloaded', () => running.logged(/Jail 'web' started/).length > before);
    assert.deepEqual(await inKernel(), bans);
    running.fail('203.0.113.5');
    await settled('the second failure bans', [...bans, '203.0.113.5'].sort());
    assert.equal(jail()?.totalFailed, (failed ?? 0) + 1);
  });

  it('SIGTERM ends it with code 0 and leaves the bans in the kernel', async () => {
    const wanted = banned();
    assert.equal(await running.stop('SIGTERM'), 0);
    assert.deepEqual(await inKernel(), wanted);
    assert.deepEqual(banned(), wanted);
  });

  it('after kill -9 nothing is in the way of the next one, which takes the bans up', async () => {
    const wanted = banned();
    await running.start();
    assert.equal(await running.stop('SIGKILL'), null);
    assert.deepEqual(await inKernel(), wanted);
    assert.equal((await running.f2b('status')).exitCode, 3);
    await bed.sh('nft', 'flush', 'ruleset');
    await running.start();
    await settled('every ban stands again', wanted);
  });

  it('flush while it runs lifts every ban, and it goes on banning', async () => {
    const { stdout } = await running.f2b('flush');
    assert.equal(stdout, `${201 + PARALLEL / 2}\n`);
    await settled('nothing is banned', []);
    running.fail('203.0.113.9', '203.0.113.9');
    await settled('the next one is', ['203.0.113.9']);
  });
});
