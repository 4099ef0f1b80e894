import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import type { DaemonNote } from '../../src/state/runlock.ts';
import { emptyState, jailState } from '../../src/state/state.ts';
import { listLog } from './listlog.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-daemon-'));
after(() => rmSync(folder, { recursive: true }));
const log = join(folder, 'app.log');

/** A daemon in this process that saves nothing; its jails are what `jails` says at each reading. */
function scene(jails: Map<string, string>, once: boolean) {
  const lines: string[] = [];
  const notes: DaemonNote[] = [];
  const state = emptyState();
  const load = () => {
    const files = new Map([['filter.d/app.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>$\n']]);
    for (const [name, options] of jails)
      files.set(`jail.d/${name}.conf`, `[${name}]\nenabled = true\nlogpath = ${log}\n${options}\n`);
    return loadConfig(memoryTree(files));
  };
  const daemon = new Daemon({
    ...{ load, state, stamp: '', statePath: join(folder, 'state.json'), log: listLog(lines) },
    tell: (note) => notes.push(note),
    ...{ env: {}, services: '', pollMs: 1000, once, dryRun: true, now: () => Date.now() / 1000 },
    run: async () => ({ exitCode: 0, stdout: '', stderr: '', trouble: null }),
  });
  return { daemon, lines, notes, state };
}

const APP = 'filter = app\nbanaction = dummy\nmaxretry = 2\nbackend = polling';

test('with once the daemon reads its logs, bans, and leaves positions and bans in the state', async () => {
  const date = new Date().toISOString();
  writeFileSync(log, [7, 8, 7].map((last) => `${date} fail 192.0.2.${last}\n`).join(''));
  const { daemon, lines, state } = scene(new Map([['app', APP]]), true);
  await daemon.start();
  await daemon.drain(60_000);
  await daemon.stop();
  assert.deepEqual([...jailState(state, 'app').bans.keys()], ['192.0.2.7']);
  assert.equal(state.positions.size, 1);
  assert.ok(daemon.isFinished);
  assert.deepEqual(daemon.problems, []);
  const words = lines.map((line) =>
    line.replace(/^\w+ fail2ban\./, '').replace(/ - \d{4}.*| v\d.*|: lines.*| \(pos.*/, ''),
  );
  assert.deepEqual(words.slice(0, 5), [
    `server ${'-'.repeat(50)}`,
    'server Starting f2b',
    "jail Creating new jail 'app'",
    `filter Added logfile: '${log}'`,
    "jail Jail 'app' started",
  ]);
  assert.deepEqual(
    words.filter((word) => /Found|Ban/.test(word)),
    [
      'filter [app] Found 192.0.2.7',
      'filter [app] Found 192.0.2.8',
      'filter [app] Found 192.0.2.7',
      'actions [app] Ban 192.0.2.7',
    ],
  );
});

test('a jail whose new settings are broken goes on with its earlier ones, and commands are told', async () => {
  const jails = new Map([['app', APP]]);
  const { daemon, lines, notes } = scene(jails, false);
  await daemon.start();
  try {
    jails.set('app', `${APP}\nbantime = 2x`);
    await daemon.reload();
    const told = "Jail 'app' goes on with its earlier settings, its bans stand: the new ones have errors";
    assert.ok(lines.includes(`ERROR fail2ban.jail ${told}`));
    assert.deepEqual(notes.at(-1)?.kept, ['app']);
    assert.match(
      notes.at(-1)?.reload?.errors[0] ?? '',
      /^\S*jail\.d\/app\.conf:8: bantime: cannot read "2x"/,
    );
    jails.set('app', APP);
    await daemon.reload();
    assert.deepEqual([notes.at(-1)?.kept, notes.at(-1)?.reload?.errors], [[], []]);
  } finally {
    await daemon.stop();
  }
});

test('a broken jail is told and left out', async () => {
  const { daemon, lines } = scene(
    new Map([
      ['app', APP],
      ['broken', 'filter = app\nbanaction = dummy\nmaxretry = x'],
    ]),
    true,
  );
  await daemon.start();
  await daemon.stop();
  assert.ok(lines.includes("ERROR fail2ban.jail Jail 'broken' is not started: its errors stand above"));
  assert.ok(lines.includes("INFO fail2ban.jail Jail 'app' started"));
});

test('a reload begins new jails and keeps the counts', async () => {
  const jails = new Map([['app', APP]]);
  const { daemon, lines, state } = scene(jails, false);
  jailState(state, 'app').totalFailed = 5;
  await daemon.start();
  try {
    jails.set('more', APP);
    await daemon.reload();
    assert.ok(lines.includes('NOTICE fail2ban.server Reload of the configuration'));
    assert.ok(lines.includes("INFO fail2ban.jail Jail 'more' started"));
    assert.ok(jailState(state, 'app').totalFailed >= 5);
  } finally {
    await daemon.stop();
  }
});
