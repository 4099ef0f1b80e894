import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { banip } from '../../src/cli/banip.ts';
import { flush } from '../../src/cli/flush.ts';
import { loadState } from '../../src/state/file.ts';
import { called, withHome } from './called.ts';

test('flush JAIL lifts the bans of that jail alone; with --dry-run it only says so', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global });
    await called(banip, ['mail', '192.0.2.7'], { global });
    const dry = await called(flush, ['web'], { global: { ...global, dryRun: true } });
    assert.equal(dry.stdout, '# would remove the bans, rules and sets of web from dummy\n2\n');
    assert.deepEqual(await called(flush, ['web'], { global }), { code: 0, stdout: '2\n', stderr: '' });
    const { jails } = loadState(state, false).state;
    assert.deepEqual([jails.get('web')?.bans.size, jails.get('mail')?.bans.size], [0, 1]);
  }));

test('flush takes one jail that is there', () =>
  withHome(async ({ config, state }) => {
    for (const words of [['web', 'mail'], ['off'], ['none']])
      await assert.rejects(called(flush, words, { global: { config, state } }), UsageError);
  }));
