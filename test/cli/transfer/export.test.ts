import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { banip } from '../../../src/cli/banip.ts';
import { bansOfDatabase } from '../../../src/cli/transfer/database.ts';
import { exportBans } from '../../../src/cli/transfer/export.ts';
import { called, withHome } from '../called.ts';

test('export prints the standing bans of all jails, or of those that are named', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global });
    await called(banip, ['mail', '192.0.2.8'], { global, options: { bantime: '-1' } });
    const plain = async (...words: string[]) =>
      (await called(exportBans, words, { global, options: { format: 'plain' } })).stdout;
    assert.equal(await plain(), '192.0.2.7\n192.0.2.8\n');
    assert.equal(await plain('mail'), '192.0.2.8\n');
    const { bans } = JSON.parse((await called(exportBans, [], { global })).stdout);
    assert.deepEqual(bans[0], {
      ip: '192.0.2.7',
      jail: 'web',
      at: 1000,
      until: 1600,
      count: 1,
      failures: 0,
      matches: [],
    });
  }));

test('--out writes a file for root alone, and fail2ban has its database', () =>
  withHome(async ({ folder, config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global });
    const out = join(folder, 'bans.csv');
    await called(exportBans, [], { global, options: { format: 'csv', out } });
    assert.equal(statSync(out).mode & 0o777, 0o600);
    assert.match(readFileSync(out, 'utf8'), /^web,192\.0\.2\.7,/m);
    const database = join(folder, 'fail2ban.sqlite3');
    const said = await called(exportBans, [], { global, options: { format: 'fail2ban', out: database } });
    assert.equal(said.stderr, `f2b: bans: 1, written to ${database}\n`);
    assert.deepEqual(
      bansOfDatabase(database).bans.map(({ id, until }) => [id, until]),
      [['192.0.2.7', 1600]],
    );
  }));

test('unknown formats and jails are refused, with the near ones', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global });
    for (const [words, options, hint] of [
      [[], { format: 'jsn' }, /json/],
      [[], { format: 'fail2ban' }, /--out FILE/],
      [['wbe'], {}, /web/],
    ] as const)
      await assert.rejects(
        called(exportBans, words, { global, options }),
        (error) => error instanceof UsageError && hint.test(error.hint ?? ''),
      );
  }));
