import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RunningJail } from '../../src/ban/jail.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { BanManager } from '../../src/daemon/banmanager.ts';
import { compileJails } from '../../src/daemon/jails.ts';
import { Messages } from '../../src/daemon/messages.ts';
import { type Ban, emptyState, jailState } from '../../src/state/state.ts';
import { listLog } from './listlog.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-manager-'));
after(() => rmSync(folder, { recursive: true }));

let scenes = 0;

/** A manager without firewalls, of one jail whose action writes into a file; time stands still at `clock.now`. */
async function scene(options: string) {
  const out = join(folder, `out${scenes++}`);
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    [
      'action.d/note.conf',
      `[Definition]\nactionban = echo ban <ip> <F-USER> >> ${out}\nactionunban = echo unban <ip> >> ${out}\n`,
    ],
    ['jail.d/app.conf', `[app]\nenabled = true\nlogpath = /nothing\naction = note\n${options}\n`],
  ]);
  const { jails } = compileJails(loadConfig(memoryTree(files)).jails);
  const jail = jails.get('app');
  assert.ok(jail !== undefined);
  const [lines, saves]: [string[], string[]] = [[], []];
  const clock = { now: 1000 };
  const state = emptyState();
  const manager = new BanManager({
    ...{ state, messages: new Messages(listLog(lines)), env: {}, dryRun: false, once: true },
    run: async () => ({ exitCode: 0, stdout: '', stderr: '', trouble: null }),
    saved: async () => undefined,
    locked: (work) => work().then(() => true),
    changed: (urgency) => void saves.push(urgency),
    now: () => clock.now,
  });
  await manager.open([jail.jail], { sections: [], rulesByJail: new Map(), troubles: new Map(), notes: [] });
  const acted = async (): Promise<string> => {
    await manager.close(false);
    return readFileSync(out, 'utf8');
  };
  return { manager, jail, lines, saves, clock, state, acted };
}

const fail = (manager: BanManager, jail: RunningJail, id: string): void =>
  manager.handleFailure(jail, { id, time: 1000, matches: [], fields: new Map([['user', 'root']]) });

test('a ban is logged, stands in the state, is saved at once and handed to the actions', async () => {
  const { manager, jail, lines, saves, state, acted } = await scene('maxretry = 2\nbantime = 60');
  fail(manager, jail, '192.0.2.7');
  assert.deepEqual(saves, ['calm']);
  fail(manager, jail, '192.0.2.7');
  fail(manager, jail, '192.0.2.7');
  fail(manager, jail, '192.0.2.7');
  assert.deepEqual(saves, ['calm', 'now', 'calm', 'calm', 'calm']);
  assert.deepEqual(
    lines.map((line) => line.replace(/ - \d{4}.*/, '')),
    [
      'INFO fail2ban.filter [app] Found 192.0.2.7',
      'INFO fail2ban.filter [app] Found 192.0.2.7',
      'NOTICE fail2ban.actions [app] Ban 192.0.2.7',
      'INFO fail2ban.filter [app] Found 192.0.2.7',
      'INFO fail2ban.filter [app] Found 192.0.2.7',
      'NOTICE fail2ban.actions [app] 192.0.2.7 already banned',
    ],
  );
  const ban = jailState(state, 'app').bans.get('192.0.2.7');
  assert.deepEqual([ban?.until, ban?.pending], [1060, null]);
  assert.equal(await acted(), 'ban 192.0.2.7 root\n');
});

test('a ban that takes the place of others is told after them, and theirs are lifted', async () => {
  const { manager, jail, lines, acted } = await scene('maxretry = 1\nrollup = 2/24');
  fail(manager, jail, '198.51.100.7');
  fail(manager, jail, '198.51.100.8');
  assert.deepEqual(lines.slice(-3), [
    'NOTICE fail2ban.actions [app] Ban 198.51.100.8',
    'NOTICE fail2ban.actions [app] Ban 198.51.100.0/24',
    'INFO fail2ban.actions [app] 198.51.100.0/24 takes the place of 2 bans in it',
  ]);
  assert.deepEqual((await acted()).split('\n'), [
    'ban 198.51.100.7 root',
    'ban 198.51.100.8 root',
    'ban 198.51.100.0/24 root',
    'unban 198.51.100.7',
    'unban 198.51.100.8',
    '',
  ]);
});

test('expire() ends the bans whose time is up', async () => {
  const { manager, jail, lines, clock, state, acted } = await scene('maxretry = 1\nbantime = 60');
  fail(manager, jail, '192.0.2.7');
  clock.now = 1059;
  manager.expire();
  assert.equal(jailState(state, 'app').bans.size, 1);
  clock.now = 1060;
  manager.expire();
  assert.equal(jailState(state, 'app').bans.size, 0);
  assert.equal(lines.at(-1), 'NOTICE fail2ban.actions [app] Unban 192.0.2.7');
  assert.equal(await acted(), 'ban 192.0.2.7 root\nunban 192.0.2.7\n');
});

test('orders of commands are logged and handed to the actions', async () => {
  const { manager, lines, acted } = await scene('maxretry = 1');
  manager.carryOutOrders([
    { order: { seq: 1, kind: 'ban', jail: 'app', id: '192.0.2.7', ban: byHand }, effect: 'new' },
    { order: { seq: 2, kind: 'unban', jail: 'app', id: '192.0.2.7' }, effect: 'lifted' },
  ]);
  assert.deepEqual(lines, [
    'NOTICE fail2ban.actions [app] Ban 192.0.2.7',
    'NOTICE fail2ban.actions [app] Unban 192.0.2.7',
  ]);
  assert.equal(await acted(), 'ban 192.0.2.7\nunban 192.0.2.7\n');
});

test('of an earlier run the bans whose time is not up are logged', async () => {
  const { manager, lines, state } = await scene('maxretry = 1');
  jailState(state, 'app').bans.set('192.0.2.7', { ...byHand, until: 1000 });
  jailState(state, 'app').bans.set('192.0.2.8', { ...byHand, until: 1001 });
  jailState(state, 'app').bans.set('192.0.2.9', byHand);
  manager.logRestored(['app']);
  assert.deepEqual(lines, [
    'NOTICE fail2ban.actions [app] Restore Ban 192.0.2.8',
    'NOTICE fail2ban.actions [app] Restore Ban 192.0.2.9',
  ]);
});

test('countPlain() logs what it counted, and nothing when it leaves the failure to handleFailure()', async () => {
  const { manager, jail, lines } = await scene('maxretry = 2');
  assert.deepEqual(
    [manager.countPlain(jail, 0xc0000207, 1000), manager.countPlain(jail, 0xc0000207, 1000)],
    [true, false],
  );
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^INFO fail2ban\.filter \[app\] Found 192\.0\.2\.7 - /);
});

const byHand: Ban = {
  at: 900,
  until: null,
  failures: 0,
  count: 1,
  origin: 'hand',
  matches: [],
  pending: null,
};
