/** Mistakes in the configuration of a running daemon: they lift no ban. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeRunning } from '../testbed/running.ts';
import { eventually, makeTestbed, unlessTestbed } from '../testbed/testbed.ts';

describe('mistakes in the configuration', { timeout: 120_000 }, () => {
  it('leave a jail with its earlier settings and its bans; reload tells them and exits 2', {
    skip: unlessTestbed('nft'),
  }, async () => {
    const bed = await makeTestbed([]);
    const running = makeRunning(bed, { jail: ['banaction = nftables', 'maxretry = 1', 'bantime = 1h'] });
    const jail = join(running.folder, 'etc/jail.d/web.conf');
    const filter = join(running.folder, 'etc/filter.d/web.conf');
    const files = [jail, filter].map((path) => ({ path, text: readFileSync(path, 'utf8') }));
    const isHeld = async (id: string): Promise<boolean> =>
      (await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web')).includes(id);
    const replaced = (from: RegExp, to: string) => () =>
      writeFileSync(jail, readFileSync(jail, 'utf8').replace(from, to));
    const mistakes: readonly (readonly [() => void, RegExp])[] = [
      [replaced(/bantime = 1h/, 'bantime = 2x'), /web\.conf:8: bantime: cannot read "2x" as a duration/],
      [replaced(/filter = web/, 'filter = nix'), /web\.conf:3: filter: cannot find the filter "nix"/],
      [replaced(/= nftables/, '= nix'), /web\.conf:6: banaction: cannot find the action "nix"/],
      [replaced(/= nftables/, '= %(nix)s'), /web\.conf:6: banaction: cannot find "%\(nix\)s"/],
      [replaced(/= true/, '= perhaps'), /web\.conf:2: enabled: cannot read "perhaps"/],
      [replaced(/$/, '\nnonsense\n'), /web\.conf:\d+: cannot read "nonsense"/],
      [
        () => writeFileSync(filter, '[Definition]\nfailregex = ( <HOST>\n'),
        /filter\.d\/web\.conf:2: failregex/,
      ],
      [() => rmSync(filter), /cannot find the filter "web"/],
    ];
    try {
      await running.start('--poll', '0.2');
      running.fail('192.0.2.7');
      await running.standing('192.0.2.7');
      for (const [n, [mistake, message]] of mistakes.entries()) {
        mistake();
        const { exitCode, stdout, stderr } = await running.f2b('reload');
        assert.deepEqual([exitCode, stdout], [2, ''], `${message}`);
        assert.match(stderr, message);
        assert.match(stderr, /Jail 'web' goes on with its earlier settings/);
        assert.ok(await isHeld('192.0.2.7'), `${message}`);
        running.fail(`192.0.2.${n + 10}`);
        await running.standing(`192.0.2.${n + 10}`);
        assert.match(
          (await running.f2b('status')).stdout,
          /Broken:\tweb .*goes on with its earlier settings/,
        );
        for (const { path, text } of files) writeFileSync(path, text);
        assert.equal((await running.f2b('reload')).stdout, 'OK\n');
      }
    } finally {
      await running.close();
      await bed.close();
    }
  });

  it('stay after a restart: the bans of a jail stand as long as its actions can be read', {
    skip: unlessTestbed('nft'),
  }, async () => {
    const bed = await makeTestbed([]);
    const running = makeRunning(bed, { jail: ['banaction = nftables', 'maxretry = 1', 'bantime = 1h'] });
    const jail = join(running.folder, 'etc/jail.d/web.conf');
    const other = join(running.folder, 'etc/jail.d/zoo.conf');
    try {
      await running.start('--poll', '0.2');
      running.fail('192.0.2.7');
      await running.standing('192.0.2.7');
      await running.stop();
      const text = readFileSync(jail, 'utf8');
      writeFileSync(jail, text.replace('1h', '2x'));
      writeFileSync(other, text.replace('[web]', '[zoo]'));
      await assert.rejects(Promise.race([running.start('--poll', '0.2'), told(running.logged)]), /stands/);
      assert.match(await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'), /192\.0\.2\.7/);
      assert.match((await running.f2b('status', 'web')).stdout, /it is not started[\s\S]*192\.0\.2\.7/);
    } finally {
      await running.close();
      await bed.close();
    }
  });
});

/** Rejects once the log says that the jail is broken, and what becomes of its ban. */
async function told(logged: (pattern: RegExp) => readonly string[]): Promise<void> {
  await eventually('it is said', () => logged(/Jail 'zoo' started/).length > 0);
  const lines = logged(/Jail 'web' is not started: .*its bans \(1\) stand until they end/);
  if (lines.length > 0) throw new Error('its ban stands');
}
