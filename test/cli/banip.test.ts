import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { banip } from '../../src/cli/banip.ts';
import { loadState } from '../../src/state/file.ts';
import { called, withHome } from './called.ts';

const bansIn = (path: string) => loadState(path, false).state.jails.get('web')?.bans ?? new Map();

test('banip prints how many were not banned before, and writes canonical ids', () =>
  withHome(async ({ config, state }) => {
    const words = ['web', '192.0.2.7', '2001:DB8::1', '198.51.100.9/24'];
    const around = { global: { config, state }, options: { bantime: '1h' } };
    assert.deepEqual(await called(banip, words, around), { code: 0, stdout: '3\n', stderr: '' });
    assert.equal((await called(banip, words, around)).stdout, '0\n');
    assert.deepEqual([...bansIn(state).keys()], ['192.0.2.7', '2001:db8::/64', '198.51.100.0/24']);
    assert.equal(bansIn(state).get('192.0.2.7')?.until, 4600);
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
