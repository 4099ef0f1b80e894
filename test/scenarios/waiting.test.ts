/** Failures that wait for an answer when the daemon is killed are neither lost nor counted twice. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { dice } from '../testbed/dice.ts';
import { isLong } from '../testbed/need.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const KILLS = isLong ? 100 : 6;

async function scene(
  jail: (folder: string) => readonly string[],
  work: (running: Running, bed: Testbed) => Promise<void>,
): Promise<void> {
  const bed = await makeTestbed([]);
  const running = makeRunning(bed, { jail: ['action = nftables', 'bantime = 1h'] });
  const path = join(running.folder, 'etc/jail.d/web.conf');
  writeFileSync(path, `${readFileSync(path, 'utf8')}${jail(running.folder).join('\n')}\n`);
  const filter = '[Definition]\nfailregex = ^\\s*fail <HOST>$\n';
  writeFileSync(join(running.folder, 'etc/filter.d/web.conf'), filter);
  try {
    await work(running, bed);
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log().slice(-4000)}`, { cause: error });
  } finally {
    await running.close();
    await bed.close();
  }
}

describe('failures that wait for an answer', { skip: unlessTestbed('nft'), timeout: 280_000 }, () => {
  it('are kept in the state over kill -9, and asked about by the next daemon, names as well', () =>
    scene(
      (folder) => [
        'maxretry = 2',
        'usedns = yes',
        'ignoreself = false',
        // No answer before the flag is there; then somebody is protected.
        `ignorecommand = sh -c 'while [ ! -e ${folder}/flag ]; do sleep 0.05; done; test <ip> = 192.0.2.3'`,
      ],
      async (running, bed) => {
        await running.start('--poll', '0.1');
        running.fail('192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.3', 'localhost');
        const waiting = () => running.state().waiting;
        await eventually('they are saved', () => waiting().length === 6);
        for (let i = 0; i < 2; i++) {
          await running.stop('SIGKILL');
          const ids = waiting().map(({ id, isName }) => `${id}${isName ? ' (name)' : ''}`);
          const expected = ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.3'];
          assert.deepEqual(ids, [...expected, 'localhost (name)']);
          assert.equal(running.state().jails.get('web')?.totalFailed, 0);
          await running.start('--poll', '0.1');
        }
        running.fail('192.0.2.2');
        await eventually('the new one waits behind them', () => waiting().length === 7);
        writeFileSync(join(running.folder, 'flag'), '');
        await eventually('both stand', async () =>
          /192\.0\.2\.1[\s\S]*192\.0\.2\.2/.test(
            await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'),
          ),
        );
        await eventually('nobody waits', () => waiting().length === 0);
        // The name has one address or two.
        assert.match(String(running.state().jails.get('web')?.totalFailed), /^[56]$/);
        assert.equal(running.logged(/Ignore 192\.0\.2\.3 by command/).length, 2);
      },
    ));

  it(`are counted once, killed ${KILLS} times at random instants`, (t) =>
    scene(
      () => ['maxretry = 1000000', "ignorecommand = sh -c 'case <ip> in *7) exit 0;; esac; exit 1'"],
      async (running) => {
        const seed = Date.now() % 1_000_000;
        t.diagnostic(`seed ${seed}`);
        const roll = dice(seed);
        const counted = (): number => running.state().jails.get('web')?.totalFailed ?? 0;
        let wanted = 0;
        for (let i = 0; i < KILLS; i++) {
          await running.start('--poll', '0.05');
          for (let burst = 0; burst < 3; burst++) {
            const some = Array.from({ length: 1 + roll(8) }, () => `10.7.${roll(9)}.${roll(100)}`);
            wanted += some.filter((id) => !id.endsWith('7')).length;
            running.fail(...some);
            await new Promise((resolve) => setTimeout(resolve, roll(150)));
          }
          await running.stop('SIGKILL');
          assert.ok(counted() <= wanted, `${counted()} of ${wanted}`);
        }
        await running.start('--poll', '0.05');
        appendFileSync(join(running.folder, 'web.log'), 'the end\n');
        await eventually(
          () => `all are counted: ${counted()} of ${wanted}, waiting ${running.state().waiting.length}`,
          () => counted() === wanted && running.state().waiting.length === 0,
          60,
        );
        await running.stop();
        assert.equal(counted(), wanted);
      },
    ));
});
