import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { banip } from '../../../src/cli/banip.ts';
import { unbanip } from '../../../src/cli/unbanip.ts';
import { why } from '../../../src/cli/why/why.ts';
import { countFailure } from '../../../src/state/failures.ts';
import { loadState, saveState } from '../../../src/state/file.ts';
import { emptyState, jailState } from '../../../src/state/state.ts';
import { called, type Home, withHome } from '../called.ts';

const JAILS = `[DEFAULT]
bantime = 10m
banaction = dummy
action = %(banaction)s
ignoreself = false
protectssh = no
ignoreip = 203.0.113.0/24
maxretry = 3
backend = polling
[web]
enabled = true
filter =
failregex = ^fail <HOST>$
datepattern = {NONE}
logpath = LOG
`;

/** Works with one jail and its log. */
function withWeb(
  work: (home: Home, log: string, ask: (...words: string[]) => ReturnType<typeof called>) => Promise<void>,
) {
  return withHome(async (home) => {
    const log = join(home.folder, 'web.log');
    writeFileSync(join(home.config, 'jail.local'), JAILS.replace('LOG', log));
    writeFileSync(log, 'fail 192.0.2.7\nother\nfail 192.0.2.8\nfail 192.0.2.7\n');
    const global = { config: home.config, state: home.state };
    await work(home, log, (...words) => called(why, words, { global }));
  });
}

test('a ban: since when, until when, by which lines and regex, and the next one', () =>
  withWeb(async ({ config, state }, log, ask) => {
    await called(banip, ['web', '192.0.2.7'], { global: { config, state } });
    const { code, stdout } = await ask('192.0.2.7');
    assert.equal(code, 0);
    const [first, ...rest] = stdout.split('\n');
    assert.match(first ?? '', /^web: 192\.0\.2\.7 is banned until 1970-01-01 \d\d:26:40, 10m left$/);
    assert.match(rest.join('\n'), /^ {2}since 1970-01-01 \d\d:16:40 \(0s\), by hand, ban number 1\n/);
    assert.match(stdout, /\n {2}the next ban: 10m\n/);
    assert.ok(stdout.includes(`${log},`));
    assert.match(
      stdout,
      /failregex 1\s+\(.*jail\.local:13\):\n {4}fail 192\.0\.2\.7\n {4}fail 192\.0\.2\.7\n$/s,
    );
  }));

test('below the limit: how many, and how many more ban it', () =>
  withWeb(async ({ state }, _, ask) => {
    const known = emptyState();
    countFailure(jailState(known, 'web').failures, '192.0.2.8', { time: 990, weight: 1 }, 600);
    await saveState(state, known, 1000);
    const { code, stdout } = await ask('192.0.2.8');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^web: not banned: 1 of 3 failures, 2 more ban it\n {2}counted: 1 of 3, the last .* \(10s ago\)\n/,
    );
  }));

test('never: the rule with its file and line', () =>
  withWeb(async ({ config }, _, ask) => {
    const { code, stdout } = await ask('203.0.113.9');
    assert.equal(code, 1);
    assert.ok(
      stdout.startsWith('web: never banned: ignoreip has 203.0.113.0/24\n') ||
        stdout.includes('203.0.113.0/24'),
    );
    assert.ok(stdout.replace(/\s+/g, ' ').includes(`(${config}/jail.local:7)`), stdout);
  }));

test('a ban that was lifted, and an address of which nothing is known', () =>
  withWeb(async ({ config, state }, _, ask) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global });
    await called(unbanip, ['192.0.2.7'], { global });
    assert.match(
      (await ask('192.0.2.7')).stdout,
      /^web: not banned: its ban was lifted, it was to last until 1970/,
    );
    const { code, stdout } = await ask('192.0.2.99');
    assert.deepEqual(
      [code, stdout],
      [1, '192.0.2.99 is not banned, and no failure of it is known in the jail\n'],
    );
  }));

test('a host inside a banned network, and a network around a banned host', () =>
  withWeb(async ({ config, state }, _, ask) => {
    const global = { config, state };
    await called(banip, ['web', '198.18.5.0/24'], { global });
    assert.match((await ask('198.18.5.7')).stdout, /by the ban of the network 198\.18\.5\.0\/24\n/);
    await called(banip, ['web', '198.51.100.7'], { global });
    assert.match(
      (await ask('198.51.100.0/24')).stdout,
      /^web: 1 ban inside 198\.51\.100\.0\/24\n {2}within it: 198\.51\.100\.7 until/,
    );
  }));

test('--json tells the same, and the state is not changed', () =>
  withWeb(async ({ config, state }) => {
    const global = { config, state };
    await called(banip, ['web', '192.0.2.7'], { global });
    const before = loadState(state, false).state.saved;
    const { stdout } = await called(why, ['192.0.2.7'], { global: { ...global, json: true } });
    const [one] = JSON.parse(stdout);
    assert.deepEqual(
      [one.jail, one.status, one.bans[0].id, one.evidence.length],
      ['web', 'banned', '192.0.2.7', 2],
    );
    assert.equal(loadState(state, false).state.saved, before);
  }));

test('what is no address, and an unknown jail, are refused', () =>
  withWeb(async (_home, _log, ask) => {
    for (const words of [[], ['hello'], ['192.0.2.7', 'wbe']])
      await assert.rejects(ask(...words), UsageError);
  }));
