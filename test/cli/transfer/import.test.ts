import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { banip } from '../../../src/cli/banip.ts';
import { writeDatabase } from '../../../src/cli/transfer/database.ts';
import { importBans } from '../../../src/cli/transfer/import.ts';
import { loadState } from '../../../src/state/file.ts';
import { called, type Home, withHome } from '../called.ts';

const BAN = {
  jail: 'web',
  id: '192.0.2.7',
  at: 900,
  until: 1500,
  count: 3,
  failures: 5,
  matches: ['a line'],
};

/** Writes a database and takes its bans, at second 1000. */
async function take(
  { folder, config, state }: Home,
  bans: readonly (typeof BAN)[],
  words: readonly string[] = [],
) {
  const path = join(folder, 'fail2ban.sqlite3');
  writeDatabase(path, bans);
  const said = await called(importBans, [...words, path], { global: { config, state } });
  return { ...said, bans: loadState(state, false).state.jails.get('web') };
}

test('bans keep their end, their number and what led to them', () =>
  withHome(async (home) => {
    const { code, stdout, bans } = await take(home, [BAN]);
    assert.deepEqual([code, stdout], [0, 'web: 1 ban taken\n']);
    const { pending: _, ...ban } = bans?.bans.get('192.0.2.7') ?? { pending: null };
    assert.deepEqual(ban, {
      at: 900,
      until: 1500,
      failures: 5,
      count: 3,
      origin: 'hand',
      matches: ['a line'],
    });
  }));

test('of a ban that is over its number is kept, for the length of the next one', () =>
  withHome(async (home) => {
    const { stdout, bans } = await take(home, [{ ...BAN, until: 950 }]);
    assert.equal(stdout, 'web: 0 bans taken, 1 over, counted as earlier ones\n');
    assert.deepEqual(bans?.past.get('192.0.2.7'), { count: 3, last: 900, until: 950 });
    assert.equal(bans?.bans.size, 0);
  }));

test('the later end wins, and the same source may be taken again', () =>
  withHome(async (home) => {
    const global = { config: home.config, state: home.state };
    await called(banip, ['web', '192.0.2.7'], { global, options: { bantime: '1h' } });
    assert.equal((await take(home, [BAN])).stdout, 'web: 0 bans taken, 1 stood already\n');
    const longer = [{ ...BAN, until: 9000 }];
    assert.equal((await take(home, longer)).stdout, 'web: 1 ban taken\n');
    const again = await take(home, longer);
    assert.equal(again.stdout, 'web: 0 bans taken, 1 stood already\n');
    assert.equal(again.bans?.bans.get('192.0.2.7')?.until, 9000);
  }));

test('jails that are not enabled are left and named; so are protected and too wide networks', () =>
  withHome(async (home) => {
    const bans = [BAN, { ...BAN, jail: 'off' }, { ...BAN, jail: 'gone' }, { ...BAN, id: '10.0.0.0/8' }];
    const { code, stdout, stderr } = await take(home, bans);
    assert.deepEqual([code, stdout], [1, 'web: 1 ban taken, 1 refused\n']);
    assert.match(stderr, /off: 1 ban left: it is not enabled\n/);
    assert.match(stderr, /gone: 1 ban left: there is no such jail\n/);
    assert.match(stderr, /10\.0\.0\.0\/8 is never banned: .*wider/);
  }));

test('a list needs a jail, and lasts as long as the jail bans or as is said', () =>
  withHome(async ({ folder, config, state }) => {
    const list = join(folder, 'list');
    writeFileSync(list, '192.0.2.7\nno address\n2001:db8::1\n');
    const global = { config, state };
    await assert.rejects(called(importBans, [list], { global }), (error) => error instanceof UsageError);
    const one = await called(importBans, [list], { global, options: { jail: 'web', bantime: '-1' } });
    assert.deepEqual([one.code, one.stdout], [1, 'web: 2 bans taken\n']);
    assert.equal(one.stderr, `f2b: ${list}:2: "no address" is not an address or network\n`);
    const { bans } = loadState(state, false).state.jails.get('web') ?? {};
    assert.deepEqual(
      [...(bans ?? [])].map(([id, { until }]) => [id, until]),
      [
        ['192.0.2.7', null],
        ['2001:db8::/64', null],
      ],
    );
    const more = await called(importBans, ['-'], { global, options: { jail: 'mail' }, stdin: '192.0.2.9' });
    assert.equal(more.stdout, 'mail: 1 ban taken\n');
    assert.equal(loadState(state, false).state.jails.get('mail')?.bans.get('192.0.2.9')?.until, 1600);
  }));

test('a dry run tells and changes nothing; --json tells all of it', () =>
  withHome(async (home) => {
    const path = join(home.folder, 'fail2ban.sqlite3');
    writeDatabase(path, [BAN]);
    const global = { config: home.config, state: home.state };
    const dry = await called(importBans, [path], { global: { ...global, dryRun: true } });
    assert.equal(dry.stdout, 'web: 1 ban would be taken\n');
    assert.equal(loadState(home.state, false).state.jails.size, 0);
    const json = await called(importBans, [path], { global: { ...global, json: true } });
    const row = { jail: 'web', taken: 1, standing: 0, past: 0, why: null, total: 1, refused: {} };
    assert.deepEqual(JSON.parse(json.stdout), [row]);
  }));

test('a source that is not there is said', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await assert.rejects(called(importBans, ['/nowhere'], { global }), /there is no file \/nowhere/);
  }));

test('a file that is too large for a list of bans is refused before it is read', () =>
  withHome(async ({ folder, config, state }) => {
    const path = join(folder, 'large');
    writeFileSync(path, '192.0.2.7\n');
    truncateSync(path, 4 * 1024 ** 3);
    const wish = called(importBans, [path], { global: { config, state }, options: { jail: 'web' } });
    await assert.rejects(wish, (error) => error instanceof UsageError && /256 MB/.test(error.message));
  }));
