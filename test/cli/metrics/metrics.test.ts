import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MachineError } from '../../../src/base/errors.ts';
import { banip } from '../../../src/cli/banip.ts';
import { metrics } from '../../../src/cli/metrics/metrics.ts';
import { called, type Home, withHome } from '../called.ts';

async function asked(
  { config, state }: Home,
  options: Readonly<Record<string, string>> = {},
): Promise<string> {
  const global = { config, state };
  await called(banip, ['web', '192.0.2.7'], { global });
  return (await called(metrics, [], { global, options })).stdout;
}

test('metrics tells of each jail, whether a daemon runs, and of the state', () =>
  withHome(async (home) => {
    const text = await asked(home);
    for (const line of [
      '# HELP f2b_banned Bans that stand.',
      '# TYPE f2b_bans_total counter',
      'f2b_bans_total{jail="web"} 1',
      'f2b_banned{jail="mail"} 0',
      'f2b_up 0',
    ])
      assert.ok(text.includes(`${line}\n`), line);
    assert.doesNotMatch(text, /jail="off"/);
  }));

test('--textfile replaces the file in one step, for others to read; a place that cannot be written is said', () =>
  withHome(async (home) => {
    const file = join(home.folder, 'f2b.prom');
    for (let i = 0; i < 2; i++) assert.equal(await asked(home, { textfile: file }), '');
    assert.match(readFileSync(file, 'utf8'), /^f2b_up 0$/m);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    assert.deepEqual(
      readdirSync(home.folder).filter((name) => name.startsWith('f2b.prom')),
      ['f2b.prom'],
    );
    await assert.rejects(asked(home, { textfile: '/proc/none/x' }), MachineError);
  }));

const skip = spawnSync('promtool', ['--version']).error === undefined ? false : 'long: needs promtool';
test('promtool has no complaint', { skip }, () =>
  withHome(async (home) => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await asked(home),
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
  }),
);
