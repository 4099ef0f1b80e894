import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineError, UsageError } from '../../src/base/errors.ts';
import { tuple } from '../../src/base/pickle.ts';
import { plain, sent, set } from '../../src/cli/set.ts';
import { answer } from '../../src/daemon/control/interpreter.ts';
import { openSocket } from '../../src/daemon/control/server.ts';
import { runtimePath } from '../../src/state/runtime.ts';
import { aHost } from '../daemon/control/ahost.ts';
import { called, withHome } from './called.ts';

test('set and its like need a running daemon', () =>
  withHome(async ({ state }) => {
    for (const command of [set, sent('flushlogs')])
      await assert.rejects(called(command, ['web', 'bantime', '5'], { global: { state } }), MachineError);
  }));

test('set changes the running daemon, and a refusal is a mistake of the user', () =>
  withHome(async ({ state }) => {
    const { host } = aHost();
    const socket = await openSocket(runtimePath(state, 'sock'), (request) => answer(host, request));
    try {
      assert.equal((await called(set, ['door', 'bantime', '1h'], { global: { state } })).stdout, '3600\n');
      const { stdout } = await called(set, ['door', 'addignoreip', '::1'], { global: { state, json: true } });
      assert.deepEqual(JSON.parse(stdout), ['127.0.0.0/8', '::1']);
      await assert.rejects(called(set, ['door', 'bantime', 'x'], { global: { state } }), UsageError);
      assert.equal((await called(sent('echo'), ['a', 'b'], { global: { state } })).stdout, 'a b\n');
    } finally {
      if (typeof socket !== 'string') await socket.close();
    }
  }));

test('values of the daemon are printed as JSON', () => {
  assert.deepEqual(plain([tuple('a', 1), new Map([['b', null]])]), [['a', 1], { b: null }]);
});
