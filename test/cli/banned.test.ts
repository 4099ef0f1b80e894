import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banip } from '../../src/cli/banip.ts';
import { banned } from '../../src/cli/banned.ts';
import { called, withHome } from './called.ts';

test('banned prints a table for people, JSON for programs', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    const asked = async (words: string[], json = false) =>
      (await called(banned, words, { global: { ...global, json } })).stdout;
    assert.equal(await asked([]), 'No bans\n');
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global, options: { bantime: '-1' } });
    const head = 'jail  address    until\n';
    const first = 'web   192.0.2.7  for ever\n';
    assert.equal(await asked([]), `${head}${first}web   192.0.2.8  for ever\n`);
    assert.equal(await asked(['192.0.2.7', '192.0.2.9']), `${head}${first}Not banned: 192.0.2.9\n`);
    assert.equal(await asked(['192.0.2.9']), 'Not banned: 192.0.2.9\n');
    assert.equal(await asked([], true), '[{"web":["192.0.2.7","192.0.2.8"]}]\n');
    assert.equal(await asked(['192.0.2.8/32'], true), '[["web"]]\n');
  }));
