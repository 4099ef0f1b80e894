import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banip } from '../../src/cli/banip.ts';
import { banned } from '../../src/cli/banned.ts';
import { called, withHome } from './called.ts';

test('banned prints lists as fail2ban-client does, or JSON', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global });
    const asked = async (words: string[], json = false) =>
      (await called(banned, words, { global: { ...global, json } })).stdout;
    assert.equal(await asked([]), "[{'web': ['192.0.2.7', '192.0.2.8']}]\n");
    assert.equal(await asked(['192.0.2.7', '192.0.2.9']), "[['web'], []]\n");
    assert.equal(await asked(['192.0.2.8/32'], true), '[["web"]]\n');
  }));
