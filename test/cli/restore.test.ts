import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banip } from '../../src/cli/banip.ts';
import { run } from '../../src/cli/run.ts';
import { called, withHome } from './called.ts';

test('run --restore says how many bans of each firewall stand', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    assert.equal((await called(run, [], { global, options: { restore: true } })).stdout, '');
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global, options: { bantime: '1h' } });
    const { code, stdout } = await called(run, [], { global, options: { restore: true } });
    assert.deepEqual([code, stdout], [0, 'dummy: 2 of 2 bans stand\n']);
  }));

test('run --restore and --once exclude each other', () =>
  withHome(async ({ config, state }) => {
    await assert.rejects(
      called(run, [], { global: { config, state }, options: { restore: true, once: true } }),
      {
        message: /exclude each other/,
      },
    );
  }));
