import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tuple } from '../../../src/base/pickle.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { memoryTree } from '../../../src/config/tree.ts';
import { hostOf } from '../../../src/daemon/control/hosting.ts';
import { answer } from '../../../src/daemon/control/interpreter.ts';
import { Daemon } from '../../../src/daemon/daemon.ts';
import { emptyState } from '../../../src/state/state.ts';
import { listLog } from '../listlog.ts';

const JAILS = `[DEFAULT]
enabled = true
filter =
action =
protectssh = no
ignoreself = false
maxretry = 2
[door]
failregex = ^knock <HOST>$
[post]
`;

/** A daemon without a firewall, and the words that it answers. */
async function withDaemon(
  work: (say: (words: string) => Promise<unknown>, file: Map<string, string>) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-hosting-'));
  const file = new Map([['jail.conf', JAILS]]);
  const [state, log] = [emptyState(), listLog([])];
  const now = (): number => Date.now() / 1000;
  const statePath = join(folder, 'state.json');
  const daemon = new Daemon({
    load: () => loadConfig(memoryTree(file)),
    ...{ statePath, state, stamp: '', log, tell: () => undefined, env: {}, now },
    ...{ pollMs: 1000, once: false, dryRun: false },
    run: async () => ({ exitCode: 0, stdout: '', stderr: '', trouble: null }),
  });
  await daemon.start();
  const host = hostOf(daemon, { statePath, state, log, now, stop: async () => undefined });
  try {
    await work(async (words) => (await answer(host, words.split(' '))).tuple[1], file);
  } finally {
    await daemon.stop();
    rmSync(folder, { recursive: true });
  }
}

test('bans, unbans and attempts by words are in the state', () =>
  withDaemon(async (say) => {
    assert.equal(await say('set door banip 198.51.100.1 198.51.100.2 198.51.100.1'), 2);
    assert.equal(await say('set door attempt 198.51.100.3'), 1);
    assert.equal(await say('set door attempt 198.51.100.3'), 1);
    assert.deepEqual(await say('get door banned'), ['198.51.100.1', '198.51.100.2', '198.51.100.3']);
    assert.equal(await say('set door unbanip 198.51.100.1'), 1);
    assert.equal(await say('unban --all'), 2);
    assert.deepEqual(await say('get door banned'), []);
  }));

test('what was set at run time is over with the next reload', () =>
  withDaemon(async (say) => {
    assert.equal(await say('set door maxretry 9'), 9);
    assert.equal(await say('add more polling'), 'more');
    assert.deepEqual(await say('set more addfailregex ^x<HOST>$'), ['^x<HOST>$']);
    await say('reload --all');
    assert.equal(await say('get door maxretry'), 2);
    assert.deepEqual(await say('status'), [tuple('Number of jail', 2), tuple('Jail list', 'door, post')]);
  }));

test('a jail ends, and a reload of it alone brings it back and leaves the others as they are', () =>
  withDaemon(async (say, file) => {
    await say('set door banip 198.51.100.1');
    assert.equal(await say('stop post'), null);
    assert.equal(await say('set door maxretry 9'), 9);
    file.set('jail.conf', JAILS.replace('[post]', '[post]\nbantime = 77'));
    const report = await say('reload post');
    assert.deepEqual(report instanceof Map && report.get('added'), ['post']);
    assert.equal(await say('get post bantime'), 77);
    assert.equal(await say('get door maxretry'), 9);
    assert.deepEqual(await say('get door banned'), ['198.51.100.1']);
  }));

test('a reload names what is broken and what changed; of a broken file nothing is taken', () =>
  withDaemon(async (say, file) => {
    file.set('jail.conf', JAILS.replace('[post]', 'bantime = x\n[post]\nbantime = 5'));
    const report = await say('reload --all');
    assert.ok(report instanceof Map);
    assert.deepEqual(
      [report.get('changed'), report.get('skipped'), report.get('isDone')],
      [['post'], ['door'], true],
    );
    file.set('jail.conf', 'nonsense');
    const refused = await say('reload --all');
    assert.ok(refused instanceof Map);
    assert.deepEqual([refused.get('changed'), refused.get('isDone')], [[], false]);
    assert.equal(await say('get post bantime'), 5);
  }));
