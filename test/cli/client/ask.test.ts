import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tuple } from '../../../src/base/pickle.ts';
import { ask } from '../../../src/cli/client/ask.ts';
import { END, openSocket } from '../../../src/daemon/control/server.ts';

test('a value, a refusal, a mistake of the protocol, and silence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-ask-'));
  const path = join(folder, 'x.sock');
  const fault = { fault: 'builtins.IndexError', args: ['x'] };
  const socket = await openSocket(path, async (request) => {
    if (!Array.isArray(request)) return null;
    if (request[0] === 'never') return new Promise(() => undefined);
    return request[0] === 'text' ? 'ERROR: x' : request[0] === 'bad' ? tuple(1, fault) : tuple(0, request);
  });
  try {
    assert.deepEqual(await ask(path, ['a', 1]), { kind: 'value', value: ['a', 1] });
    assert.deepEqual(await ask(path, ['bad']), { kind: 'fault', fault });
    const { kind } = await ask(path, ['text']);
    assert.equal(kind, 'fault');
    assert.deepEqual(await ask(path, ['never'], 50), { kind: 'silent', code: 'timeout' });
    assert.deepEqual(await ask(join(folder, 'none'), ['a']), { kind: 'silent', code: 'ENOENT' });
  } finally {
    if (typeof socket !== 'string') await socket.close();
    rmSync(folder, { recursive: true });
  }
});

test('an answer that is no pickle is a fault', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-ask-'));
  const path = join(folder, 'x.sock');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(Buffer.concat([Buffer.from([0xff]), END]));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    assert.equal((await ask(path, ['a'])).kind, 'fault');
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
