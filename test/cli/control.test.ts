import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineError, UsageError } from '../../src/base/errors.ts';
import { takeLock } from '../../src/base/lock.ts';
import { ping, reload, stop } from '../../src/cli/control.ts';
import { runLockPath } from '../../src/state/runlock.ts';
import { called, withHome } from './called.ts';

test('ping, reload and stop need a daemon that runs on the state, and no words', () =>
  withHome(async ({ state }) => {
    for (const command of [ping, reload, stop]) {
      await assert.rejects(
        called(command, [], { global: { state } }),
        (error) => error instanceof MachineError && error.message === `no f2b runs on ${state}`,
      );
      await assert.rejects(called(command, ['now'], { global: { state } }), UsageError);
    }
  }));

test('ping answers as fail2ban-client does, or with the process id as JSON', () =>
  withHome(async ({ state }) => {
    const lock = takeLock(runLockPath(state), 0);
    try {
      assert.equal((await called(ping, [], { global: { state } })).stdout, 'Server replied: pong\n');
      const { stdout } = await called(ping, [], { global: { state, json: true } });
      assert.deepEqual(JSON.parse(stdout), { pid: process.pid });
    } finally {
      lock?.release();
    }
  }));
