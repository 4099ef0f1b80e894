import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, serve } from '../../../src/cli/demo/server.ts';

test('the protected page wants the password, and each request is a line of the log', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-server-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'access_log');
  const { place, server } = await serve({ address: '127.0.0.1', port: 0 }, log);
  t.after(() => server.close());
  const answers = [
    await ask('127.0.0.1', place, '/', null),
    await ask('127.0.0.1', place, '/restricted/', null),
    await ask('127.0.0.1', place, '/restricted/', 'wrong'),
    await ask('127.0.0.1', place, '/restricted/', 'password'),
  ];
  assert.deepEqual(answers, ['200', '401', '401', '200']);
  const codes = readFileSync(log, 'utf8').match(/(?<=" )\d{3}(?= -)/g);
  assert.deepEqual(codes, answers);
});

test('ask() says that nothing answers', async () => {
  assert.equal(await ask('127.0.0.1', { address: '127.0.0.1', port: 1 }, '/', null), 'Connection refused');
});
