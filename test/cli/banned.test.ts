import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banip } from '../../src/cli/banip.ts';
import { banned } from '../../src/cli/banned.ts';
import { called, withHome } from './called.ts';

test('banned prints a table on a terminal, the form of fail2ban-client into a pipe, or JSON', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    const asked = async (words: string[], json = false) =>
      (await called(banned, words, { global: { ...global, json }, isTerminal: !json })).stdout;
    const piped = async (words: string[]) => (await called(banned, words, { global })).stdout;
    assert.equal(await asked([]), 'No bans\n');
    await called(banip, ['web', '192.0.2.7', '192.0.2.8'], { global, options: { bantime: '-1' } });
    const head = 'jail  address    until\n';
    const first = 'web   192.0.2.7  for ever\n';
    assert.equal(await asked([]), `${head}${first}web   192.0.2.8  for ever\n`);
    assert.equal(await asked(['192.0.2.7', '192.0.2.9']), `${head}${first}Not banned: 192.0.2.9\n`);
    assert.equal(await asked(['192.0.2.9']), 'Not banned: 192.0.2.9\n');
    assert.equal(await piped([]), "[{'web': ['192.0.2.7', '192.0.2.8']}]\n");
    assert.equal(await piped(['192.0.2.7', '192.0.2.9']), "[['web'], []]\n");
    assert.equal(await asked([], true), '[{"web":["192.0.2.7","192.0.2.8"]}]\n');
    assert.equal(await asked(['192.0.2.8/32'], true), '[["web"]]\n');
  }));
