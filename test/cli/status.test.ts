import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { takeLock } from '../../src/base/lock.ts';
import { banip } from '../../src/cli/banip.ts';
import { status } from '../../src/cli/status.ts';
import { runLockPath, runningPid } from '../../src/state/runlock.ts';
import { called, withHome } from './called.ts';

test('status shows the enabled jails, one of them, or all', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state };
    const { stdout } = await called(status, [], { global });
    assert.equal(stdout, 'Status\n|- Number of jail:\t2\n`- Jail list:\tmail, web\n');
    assert.match((await called(status, ['web'], { global })).stdout, /^Status for the jail: web\n/);
    const all = await called(status, [], { global, options: { all: true } });
    assert.equal(all.stdout.match(/^Status for the jail/gm)?.length, 2);
    await assert.rejects(called(status, ['web'], { global, options: { all: true } }), UsageError);
  }));

test('status as JSON tells each ban with its end', () =>
  withHome(async ({ config, state }) => {
    const global = { config, state, json: true };
    await called(banip, ['web', '192.0.2.7'], { global, options: { bantime: '1h' } });
    const [web] = JSON.parse((await called(status, ['web'], { global })).stdout);
    assert.deepEqual([web.name, web.currentlyBanned, web.banned[0].until], ['web', 1, 4600]);
    const { running, jails } = JSON.parse((await called(status, [], { global })).stdout);
    assert.deepEqual([running, jails], [null, ['mail', 'web']]);
  }));

test('runningPid() is the process that holds the lock, null when none does', () =>
  withHome(async ({ state }) => {
    assert.equal(runningPid(state), null);
    const lock = takeLock(runLockPath(state), 0);
    assert.equal(runningPid(state), process.pid);
    lock?.release();
    assert.equal(runningPid(state), null);
  }));
