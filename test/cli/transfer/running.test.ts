/** A private server of the original: its bans are taken while it runs, and it restores what was exported for it. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bansOfRunning, originalClient } from '../../../src/cli/transfer/running.ts';
import { loadState } from '../../../src/state/file.ts';
import { program } from '../../testbed/need.ts';
import { eventually } from '../../testbed/testbed.ts';

const client = originalClient();
const skip = client === null ? 'not installed: fail2ban' : process.getuid?.() === 0 ? false : 'not root';

describe('beside the original', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-original-'));
  const [theirs, ours] = [join(folder, 'fail2ban'), join(folder, 'f2b')];
  const words = ['-c', theirs, '-s', join(folder, 'sock'), '-p', join(folder, 'pid')];
  const ask = (...more: readonly string[]): string =>
    execFileSync(client ?? '', [...words, ...more], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const state = join(folder, 'state.json');
  const f2b = (...more: readonly string[]) => {
    const [name, ...first] = program;
    return spawnSync(name, [...first, '--config', ours, '--state', state, ...more], { encoding: 'utf8' });
  };
  const standing = () => [...(loadState(state, false).state.jails.get('sshd')?.bans.keys() ?? [])];

  before(() => {
    const log = join(folder, 'auth.log');
    const jail = `[DEFAULT]\nbackend = polling\nbantime = 1h\n[sshd]\nenabled = true\nlogpath = ${log}\n`;
    writeFileSync(log, '');
    for (const name of [
      'action.d',
      'filter.d',
      'fail2ban.conf',
      'jail.conf',
      'paths-common.conf',
      'paths-debian.conf',
    ])
      cpSync(join('/etc/fail2ban', name), join(theirs, name), { recursive: true });
    writeFileSync(join(theirs, 'jail.local'), `${jail}action =\n`);
    const own = `[Definition]\nlogtarget = ${join(folder, 'log')}\ndbfile = ${join(folder, 'db.sqlite3')}\n`;
    writeFileSync(join(theirs, 'fail2ban.local'), own);
    mkdirSync(ours);
    writeFileSync(
      join(ours, 'jail.local'),
      `${jail}banaction = dummy\naction = dummy\nignoreself = false\nprotectssh = no\n`,
    );
    writeFileSync(join(ours, 'fail2ban.conf'), own);
    ask('start');
  });
  after(() => {
    try {
      ask('stop');
    } catch {
      // A failed test has stopped it, or never started it.
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('its bans are taken while it runs', async () => {
    ask('set', 'sshd', 'banip', '198.51.100.7', '2001:db8::7');
    await eventually('both are banned there', () =>
      /198.*\n2001/.test(ask('get', 'sshd', 'banip', '--with-time')),
    );
    const { status, stdout, stderr } = f2b('import', '--socket', join(folder, 'sock'));
    assert.deepEqual([status, stdout, stderr], [0, 'sshd: 2 bans taken\n', '']);
    assert.deepEqual(standing(), ['198.51.100.7', '2001:db8::/64']);
  });

  it('a server that does not answer says why', async () => {
    const why = await bansOfRunning(client ?? '', ['-s', join(folder, 'none')], 0);
    assert.match(String(why), /socket/);
  });

  it('it restores what was exported into its database', async () => {
    ask('unban', '--all');
    ask('stop');
    const out = join(folder, 'db.sqlite3');
    assert.equal(f2b('export', '--format', 'fail2ban', '--out', out).status, 0);
    ask('start');
    await eventually('both are restored', () =>
      /198.*\n2001:db8::\/64/.test(ask('get', 'sshd', 'banip', '--with-time')),
    );
  });
});
