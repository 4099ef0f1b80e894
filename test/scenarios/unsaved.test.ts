/** A state that cannot be written or read: bans stand, it is said, and commands change nothing. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { command, run } from '../../src/base/process.ts';
import { program } from '../testbed/need.ts';
import { makeRunning } from '../testbed/running.ts';
import { eventually, makeTestbed, unlessTestbed } from '../testbed/testbed.ts';

/** By reason: how the folder $S or the state in it is broken, and how that is mended. */
const FOLDERS = [
  ['EROFS', 'mount -t tmpfs tmpfs $S; mount -o remount,ro $S', 'mount -o remount,rw $S'],
  [
    'ENOSPC',
    'mount -t tmpfs -o size=8k tmpfs $S; head -c 100000 /dev/zero >$S/fill 2>/dev/null',
    'mount -o remount,size=1m $S',
  ],
  ['EISDIR', 'mkdir -p $S/state.json', 'rmdir $S/state.json'],
  ['EIO', 'ln -s /proc/self/mem $S/state.json', 'rm $S/state.json'],
  ['ELOOP', 'ln -s state.json $S/state.json', 'rm $S/state.json'],
  ['ENOTDIR', 'rmdir $S; touch $S', 'rm $S'],
] as const;

describe('a state that cannot be written or read', { timeout: 120_000 }, () => {
  for (const [reason, broken, mend] of FOLDERS)
    it(`${reason}: bans stand and it is said; no second daemon runs, no command changes anything; later it is saved`, {
      skip: unlessTestbed('nft', 'mount', 'nsenter'),
    }, async () => {
      const bed = await makeTestbed([]);
      // What `ip netns exec` starts sees mounts of its own.
      const folderOf = 'for w; do [ "$p" = --state ] && S=$(dirname "$w"); p=$w; done; mkdir -p "$S"';
      const script = `${folderOf}; mount -t tmpfs tmpfs /run; ${broken}; exec "$@"`;
      const running = makeRunning(bed, {
        jail: ['banaction = nftables', 'maxretry = 1', 'bantime = 1h'],
        prefix: ['sh', '-c', script, 'sh'],
      });
      const folder = join(running.folder, 'state');
      const inside = async (...words: readonly string[]) =>
        run(command(['nsenter', '-t', String(running.pid()), '-n', '-m', ...words]), 60);
      const globals = ['--config', join(running.folder, 'etc'), '--state', join(folder, 'state.json')];
      const f2b = (...words: readonly string[]) => inside(...program, ...words, ...globals);
      const held = async (): Promise<string> =>
        (await inside('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web')).stdout;
      try {
        await running.start('--poll', '0.2');
        running.fail('192.0.2.7');
        await eventually('it stands', async () => (await held()).includes('192.0.2.7'));
        await eventually(
          'it is said',
          () => running.logged(new RegExp(`bans go on: .*${reason}`)).length === 1,
        );
        assert.match((await f2b('status')).stdout, new RegExp(`Not saved:\t.*${reason}; bans go on`));
        assert.match((await f2b('run')).stderr, /f2b already runs on .*, as process \d+/);
        assert.equal((await f2b('reload')).stdout, 'OK\n');
        for (const words of [['banip', 'web', '192.0.2.8'], ['unbanip', '192.0.2.7'], ['flush']]) {
          const { exitCode, stdout, stderr } = await f2b(...words);
          assert.deepEqual([exitCode, stdout], [1, '']);
          assert.match(
            stderr,
            new RegExp(
              `cannot (?:write|read) the state file .*: ${reason}|cannot make the folder .*: EEXIST`,
            ),
          );
        }
        assert.match(await held(), /192\.0\.2\.7/);
        assert.doesNotMatch(await held(), /192\.0\.2\.8/);
        assert.equal((await inside('sh', '-c', mend.replaceAll('$S', folder))).exitCode, 0);
        await eventually('it is saved', () => running.logged(/the state can be saved again/).length === 1);
        assert.match((await f2b('banned')).stdout, /192\.0\.2\.7/);
        assert.equal((await f2b('unbanip', '192.0.2.7')).stdout, '1\n');
        assert.doesNotMatch((await f2b('status')).stdout, /Not saved/);
      } finally {
        await running.close();
        await bed.close();
      }
    });
});
