import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ActionRunner } from '../../src/action/runner.ts';
import { ticketOf } from '../../src/action/tags.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Jail } from '../../src/config/jail.ts';
import { diskTree, memoryTree, overlayTree } from '../../src/config/tree.ts';
import type { Ban } from '../../src/state/state.ts';

type Scene = { readonly folder: string; readonly out: () => string; readonly troubles: string[] };

/** A jail whose action.d file has these options; `@` in them is the scene's folder. */
function jailWith(folder: string, options: Readonly<Record<string, string>>, name = 'note'): Jail {
  const lines = Object.entries(options).map(
    ([key, value]) => `${key} = ${value.replaceAll('@', folder).replaceAll('\n', '\n  ')}`,
  );
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    [
      `action.d/${name}.conf`,
      `[Definition]\n${lines.join('\n')}\n[Init]\ntimeout = ${options['timeout'] ?? 60}\n`,
    ],
    ['jail.d/app.conf', `[app]\nenabled = true\nlogpath = /nothing\naction = ${name}\n`],
  ]);
  return onlyJail(loadConfig(memoryTree(files)));
}

function onlyJail(config: ReturnType<typeof loadConfig>): Jail {
  const [jail] = config.jails;
  assert.ok(jail !== undefined, config.problems.map(({ text }) => text).join('\n'));
  return jail;
}

async function scene(work: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-actor-'));
  const path = join(folder, 'out');
  try {
    await work({ folder, out: () => (existsSync(path) ? readFileSync(path, 'utf8') : ''), troubles: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const parts = (troubles: string[]) => ({
  onTrouble: (_: string, text: string) => void troubles.push(text),
  totals: () => ({ banned: 1, bannedTotal: 2, found: 3, foundTotal: 4 }),
  env: {},
  print: null,
});
const ban: Ban = {
  at: 1000,
  until: 4600,
  failures: 3,
  count: 1,
  origin: 'log',
  matches: ['a line'],
  pending: null,
};

test('an actor starts, bans, unbans and stops, one step after the other', () =>
  scene(async ({ folder, out, troubles }) => {
    const jail = jailWith(folder, {
      actionstart: 'sleep 0.2; echo start <name> >> @/out',
      actionban: 'echo "ban <ip> <failures> <bantime> <F-USER> <matches>" >> @/out',
      actionunban: 'echo unban <ip> >> @/out',
      actionstop: 'echo stop >> @/out',
    });
    const runner = new ActionRunner(jail, parts(troubles));
    runner.start();
    runner.ban(ticketOf('192.0.2.7', ban, { fields: new Map([['user', '$(id) "x"']]) }));
    runner.ban(ticketOf('192.0.2.8', ban));
    runner.unban(ticketOf('192.0.2.8', ban));
    runner.stop();
    await runner.idle(60_000);
    assert.deepEqual(troubles, []);
    assert.equal(
      out(),
      'start app\nban 192.0.2.7 3 3600 $(id) "x" a line\nban 192.0.2.8 3 3600  a line\nunban 192.0.2.8\nunban 192.0.2.7\nstop\n',
    );
  }));

test('an actor uses actionflush at the stop where there is one, and leaves restored bans to those who want them', () =>
  scene(async ({ folder, out, troubles }) => {
    const options = {
      actionban: 'echo ban <ip> <restored> >> @/out',
      actionunban: 'echo unban >> @/out',
      actionflush: 'echo flush >> @/out',
    };
    const runner = new ActionRunner(jailWith(folder, options), parts(troubles));
    runner.start();
    runner.ban(ticketOf('192.0.2.7', ban, { restored: true }));
    runner.stop();
    await runner.idle(60_000);
    const mail = new ActionRunner(jailWith(folder, { ...options, norestored: '1' }), parts(troubles));
    mail.ban(ticketOf('192.0.2.9', ban, { restored: true }));
    await mail.idle(60_000);
    assert.equal(out(), 'ban 192.0.2.7 1\nflush\n');
  }));

test('after a failure the check decides: the ground is made anew and the ban tried once more', () =>
  scene(async ({ folder, out, troubles }) => {
    const jail = jailWith(folder, {
      actionstart: 'touch @/ground; echo start >> @/out',
      actionstop: 'rm -f @/ground',
      actioncheck: 'test -e @/ground',
      actionban: 'test -e @/ground && echo ban <ip> >> @/out',
    });
    const runner = new ActionRunner(jail, parts(troubles));
    runner.start();
    await runner.idle(60_000);
    rmSync(join(folder, 'ground'));
    runner.ban(ticketOf('192.0.2.7', ban));
    await runner.idle(60_000);
    assert.deepEqual([out(), troubles], ['start\nstart\nban 192.0.2.7\n', []]);
  }));

test('a failing and a hanging action are told with their reason, and what comes after them is done', () =>
  scene(async ({ folder, out, troubles }) => {
    const jail = jailWith(folder, {
      actionban:
        'case <ip> in *.7) echo no such thing >&2; exit 3;; *.8) sleep 60;; *) echo ban <ip> >> @/out;; esac',
      timeout: '4',
    });
    const runner = new ActionRunner(jail, parts(troubles));
    for (const id of ['192.0.2.7', '192.0.2.8', '192.0.2.9']) runner.ban(ticketOf(id, ban));
    await runner.idle(60_000);
    assert.equal(out(), 'ban 192.0.2.9\n');
    assert.equal(troubles.length, 2);
    assert.match(troubles[0] ?? '', /^\[app\] note: actionban failed: .*no such thing/);
    assert.match(troubles[1] ?? '', /^\[app\] note: actionban failed: .*timed out/);
  }));

test('a queue that nobody empties is bounded, and that is said once', () =>
  scene(async ({ folder, troubles }) => {
    const runner = new ActionRunner(jailWith(folder, { actionban: 'true' }), {
      ...parts(troubles),
      mostWaiting: 100,
    });
    for (let i = 0; i < 120; i++) runner.unban(ticketOf('192.0.2.7', ban));
    assert.deepEqual(troubles, ['[app] 100 steps of actions wait: further ones are dropped']);
    await runner.idle(60_000);
  }));

const STOCK = '/etc/fail2ban/action.d';
const stock = { skip: existsSync(STOCK) ? false : 'fail2ban is not installed' };

/** Runs a stock action file with programs that only note how they were called, or what they were given. */
async function stockAction(action: string, programs: readonly string[], scene: Scene): Promise<string> {
  const { folder, out, troubles } = scene;
  for (const program of programs) {
    const path = join(folder, program);
    writeFileSync(
      path,
      `#!/bin/sh\nprintf '%s' "${program}" >> ${folder}/out; printf ' %s' "$@" >> ${folder}/out; echo >> ${folder}/out\n[ -t 0 ] || cat >> ${folder}/out\n`,
    );
    chmodSync(path, 0o755);
  }
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    ['jail.conf', `[app]\nenabled = true\nlogpath = /nothing\naction = ${action.replaceAll('@', folder)}\n`],
  ]);
  const jail = onlyJail(loadConfig(overlayTree(memoryTree(files), diskTree('/etc/fail2ban'))));
  const runner = new ActionRunner(jail, parts(troubles));
  runner.start();
  runner.ban(ticketOf('192.0.2.7', { ...ban, matches: ["it's `a` $(line)"] }));
  runner.unban(ticketOf('192.0.2.7', ban));
  await runner.idle(60_000);
  return out();
}

test('the stock dummy and hostsdeny actions run as they are', stock, () =>
  scene(async (one) => {
    await stockAction('dummy[target="@/out"]', [], one);
    assert.match(one.out(), /\+192\.0\.2\.7\n-192\.0\.2\.7\n/);
    assert.deepEqual(one.troubles, []);
    const deny = join(one.folder, 'hosts.deny');
    writeFileSync(deny, 'ALL: 198.51.100.1\n');
    await stockAction(`hostsdeny[file="${deny}"]`, [], one);
    assert.equal(readFileSync(deny, 'utf8'), 'ALL: 198.51.100.1\n');
    assert.deepEqual(one.troubles, []);
  }),
);

test('the stock mail action hands a whole message to the mailer, with the lines as they are', stock, () =>
  scene(async (one) => {
    const text = await stockAction(
      'sendmail-whois-matches[name=app, mailcmd="@/mailer", dest="root", sender="f2b"]',
      ['mailer'],
      one,
    );
    assert.match(text, /Subject: .*app.*192\.0\.2\.7/);
    assert.match(text, /To: root\n/);
    assert.match(text, /it's `a` \$\(line\)/);
  }),
);
