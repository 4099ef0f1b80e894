import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banip } from '../../../src/cli/banip.ts';
import { report } from '../../../src/cli/report/report.ts';
import { called, withHome } from '../called.ts';

test('without logs the bans of the state count', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global });
    const { code, stdout } = await called(report, [], { global: { ...global, json: true } });
    const { bans, rankings } = JSON.parse(stdout);
    assert.deepEqual([code, bans, rankings.jails], [0, 2, [['web', 2]]]);
  }));
