import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { banip } from '../../src/cli/banip.ts';
import { unbanip } from '../../src/cli/unbanip.ts';
import { called, withHome } from './called.ts';

test('unbanip lifts bans in one jail or in all, and what lies in a network with it', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7', '192.0.2.8', '203.0.113.5', '2001:db8::1'], { global });
    await called(banip, ['mail', '192.0.2.7'], { global });
    const lifted = async (...words: string[]) => (await called(unbanip, words, { global })).stdout;
    assert.equal(await lifted('mail', '192.0.2.7'), '1\n');
    assert.equal(await lifted('192.0.2.99'), '0\n');
    assert.equal(await lifted('192.0.2.0/24'), '2\n');
    assert.equal(await lifted('2001:db8::2'), '1\n');
    assert.equal((await called(unbanip, [], { global, options: { all: true } })).stdout, '1\n');
  }));

test('an address that the ban of a network holds stays banned, and the network is named', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '198.51.100.0/24'], { global });
    const { code, stdout, stderr } = await called(unbanip, ['198.51.100.9'], { global });
    assert.deepEqual([code, stdout], [1, '0\n']);
    assert.match(stderr, /stays banned in web: the ban of the network 198\.51\.100\.0\/24 holds it/);
  }));

test('unbanip says what is missing', () =>
  withHome(async ({ config, state }) => {
    for (const [words, options, message] of [
      [[], {}, /needs an address/],
      [['web'], {}, /which address of the jail "web"/],
      [['192.0.2'], {}, /"192.0.2" is not an address/],
      [['web', '192.0.2.7'], { all: true }, /--all takes no addresses/],
    ] as const) {
      const call = called(unbanip, words, { global: { config, state }, options });
      await assert.rejects(call, (error) => error instanceof UsageError && message.test(error.message));
    }
  }));
