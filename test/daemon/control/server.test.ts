import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type PyValue, readPickle, writePickle } from '../../../src/base/pickle.ts';
import { type ControlSocket, END, isAnswering, openSocket } from '../../../src/daemon/control/server.ts';

async function withSocket(work: (socket: ControlSocket, path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-server-'));
  const path = join(folder, 'deep', 'x.sock');
  const socket = await openSocket(path, async (request) => [request]);
  try {
    assert.ok(typeof socket !== 'string', String(socket));
    await work(socket, path);
  } finally {
    if (typeof socket !== 'string') await socket.close();
    rmSync(folder, { recursive: true });
  }
}

/** Sends bytes and answers all that comes until the other side ends, or enough of it. */
function talk(path: string, parts: readonly Uint8Array[], answers: number): Promise<PyValue[]> {
  const socket = connect(path);
  return new Promise((resolve) => {
    const found: PyValue[] = [];
    let all = Buffer.alloc(0);
    const finish = (): void => {
      socket.destroy();
      resolve(found);
    };
    socket.on('error', () => finish());
    socket.on('close', () => finish());
    socket.on('data', (chunk) => {
      all = Buffer.concat([all, chunk]);
      for (let at = all.indexOf(END); at >= 0; at = all.indexOf(END)) {
        found.push(readPickle(all.subarray(0, at)));
        all = all.subarray(at + END.length);
      }
      if (found.length >= answers) finish();
    });
    for (const part of parts) socket.write(part);
  });
}

test('requests of one connection are answered in turn, however they are cut', () =>
  withSocket(async (_, path) => {
    const bytes = Buffer.concat([writePickle(['ping']), END, writePickle(['a', 'b']), END]);
    const cut = [bytes.subarray(0, 7), bytes.subarray(7, 20), bytes.subarray(20)];
    assert.deepEqual(await talk(path, cut, 2), [[['ping']], [['a', 'b']]]);
  }));

test('only its owner may connect', () =>
  withSocket(async (_, path) => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }));

test('what is no pickle is told, an endless request is cut, and the next client is served', () =>
  withSocket(async (_, path) => {
    const [text] = await talk(path, [Buffer.from('nonsense'), END], 1);
    assert.match(String(text), /^ERROR: /);
    const [called] = await talk(path, [Buffer.from("cos\nsystem\n(S'true'\ntR."), END], 1);
    assert.match(String(called), /^ERROR: the code 0x63 is not taken/);
    const flood = Array.from({ length: 9 }, () => Buffer.alloc(1024 * 1024, 0x61));
    assert.deepEqual(await talk(path, flood, 1), []);
    assert.deepEqual(await talk(path, [writePickle(['ping']), END], 1), [[['ping']]]);
  }));

test('a socket that is answered is left alone, one that nobody answers is replaced, a file is not', () =>
  withSocket(async (_, path) => {
    assert.equal(await openSocket(path, async () => null), `another program answers on ${path}`);
    const file = `${path}.file`;
    writeFileSync(file, 'x');
    assert.match(String(await openSocket(file, async () => null)), /^cannot open the socket .*EADDRINUSE/);
    assert.ok(existsSync(file));
  }));

test('a closed socket is gone', () =>
  withSocket(async (socket, path) => {
    assert.equal(await isAnswering(path), true);
    await socket.close();
    assert.equal(existsSync(path), false);
    assert.equal(await isAnswering(path), false);
  }));
