import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { formatSecond } from '../../src/base/log.ts';
import { banip } from '../../src/cli/banip.ts';
import { loadState } from '../../src/state/file.ts';
import { called, withHome } from './called.ts';

const bansIn = (path: string) => loadState(path, false).state.jails.get('web')?.bans ?? new Map();

test('banip prints how many were not banned before, and writes canonical ids', () =>
  withHome(async ({ config, state }) => {
    const words = ['web', '192.0.2.7', '2001:DB8::1', '198.51.100.9/24'];
    const around = { global: { config, state }, options: { bantime: '1h' } };
    const first = await called(banip, words, around);
    assert.deepEqual([first.code, first.stdout], [0, '3\n']);
    assert.equal((await called(banip, words, around)).stdout, '0\n');
    assert.deepEqual([...bansIn(state).keys()], ['192.0.2.7', '2001:db8::/64', '198.51.100.0/24']);
    assert.equal(bansIn(state).get('192.0.2.7')?.until, 4600);
  }));

test('banip says until when, and prolongs a ban that ends earlier', () =>
  withHome(async ({ config, state }) => {
    const ban = async (bantime: string, more = {}) => {
      const around = { global: { config, state }, options: { bantime, ...more } };
      return (await called(banip, ['web', '192.0.2.7'], around)).stderr.replace('f2b: 192.0.2.7: ', '');
    };
    assert.equal(await ban('60'), `banned until ${formatSecond(1060)}\n`);
    assert.equal(await ban('60'), `already banned until ${formatSecond(1060)}\n`);
    const [from, to] = [1060, 4600].map(formatSecond);
    assert.equal(await ban('1h'), `ban prolonged from ${from}, now until ${to}\n`);
    assert.equal(await ban('60'), `already banned longer, until ${to}\n`);
    assert.equal(
      await ban('2h', { confirm: '60' }),
      `already banned longer, until ${to}; if confirmed, until ${formatSecond(8200)}\n`,
    );
    assert.equal(await ban('-1'), `ban prolonged from ${to}, now for ever\n`);
    assert.equal(await ban('9999999999d'), 'already banned longer, for ever\n');
    assert.equal(bansIn(state).get('192.0.2.7')?.until, null);
  }));

test('a ban with --confirm is short until it is confirmed', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global, options: { confirm: '60', bantime: '-1' } });
    assert.equal(bansIn(state).get('192.0.2.7')?.until, 1060);
    await called(banip, ['web', '192.0.2.7'], { global, options: { confirmed: true } });
    assert.equal(bansIn(state).get('192.0.2.7')?.until, null);
  }));

test('banip refuses what it cannot read, and what must never be banned', () =>
  withHome(async ({ config, state }) => {
    for (const [words, options, message] of [
      [['web'], {}, /needs a jail and an address/],
      [['web', '192.0.2'], {}, /"192.0.2" is not an address/],
      [['web', '192.0.2.7'], { bantime: 'soon' }, /cannot read "soon" as a duration/],
      [['web', '192.0.2.7'], { confirm: '-1' }, /needs a time that ends/],
      [['web', '10.0.0.0/15'], {}, /never banned: .*wider/],
      [['wbe', '192.0.2.7'], {}, /there is no jail "wbe"/],
    ] as const) {
      const call = called(banip, words, { global: { config, state }, options });
      await assert.rejects(call, (error) => error instanceof UsageError && message.test(error.message));
    }
    assert.equal(bansIn(state).size, 0);
  }));

test('--wide allows a network that is wider than /16', () =>
  withHome(async ({ config, state }) => {
    const around = { global: { config, state }, options: { wide: true } };
    assert.equal((await called(banip, ['web', '198.18.0.0/15'], around)).stdout, '1\n');
  }));
