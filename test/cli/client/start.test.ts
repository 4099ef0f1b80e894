import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readClientCall } from '../../../src/cli/client/options.ts';
import { runOptions } from '../../../src/cli/client/start.ts';

test('options of fail2ban-server become those of f2b run', () => {
  const call = readClientCall([
    '-s',
    '/s',
    '-p',
    '/p',
    '--loglevel',
    'DEBUG',
    '--logtarget',
    'STDOUT',
    '-x',
    'start',
  ]);
  assert.deepEqual(call.kind === 'words' && runOptions(call.options), {
    socket: '/s',
    pidfile: '/p',
    loglevel: 'DEBUG',
    logtarget: 'STDOUT',
  });
});
