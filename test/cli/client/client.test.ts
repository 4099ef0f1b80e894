import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { runClient } from '../../../src/cli/client/client.ts';
import { answer } from '../../../src/daemon/control/interpreter.ts';
import { openSocket } from '../../../src/daemon/control/server.ts';
import { aHost } from '../../daemon/control/ahost.ts';
import { type Home, withHome } from '../called.ts';

async function call({ config, state, folder }: Home, line: string, stdin = '', name = 'fail2ban-client') {
  const said = { out: '', err: '' };
  const code = await runClient(line === '' ? [] : line.split(' '), name, {
    stdout: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
    stdin: Readable.from([stdin]),
    env: { F2B_CONFIG: config, F2B_STATE: state, TMPDIR: folder },
    now: () => 1000,
  });
  return { code, ...said };
}

test('what needs no daemon is answered without one', () =>
  withHome(async (home) => {
    assert.deepEqual(await call(home, '-V'), { code: 0, out: '1.1.1\n', err: '' });
    assert.equal((await call(home, '--str2sec 1d12h')).out, '129600\n');
    assert.equal((await call(home, '-t')).out, 'OK: configuration test is successful\n');
    assert.match((await call(home, '-d')).out, /^\['add', 'web', 'auto'\]$/m);
    assert.deepEqual((await call(home, '')).code, 255);
    assert.match((await call(home, '--nonsense')).out, /^Usage: fail2ban-client/);
  }));

test('without a daemon a word fails with the sentence that programs look for', () =>
  withHome(async (home) => {
    for (const line of ['ping', 'status', 'get web bantime', 'set web bantime 5', 'stop', 'flushlogs']) {
      const { code, out, err } = await call(home, line);
      assert.deepEqual([code, out], [255, ''], line);
      assert.match(err, /ERROR {3}Failed to access socket path: \S+\. Is fail2ban running\?\n$/, line);
    }
    assert.match((await call(home, 'reload')).err, /Could not find server/);
  }));

test('without a daemon bans and unbans are made in the state file', () =>
  withHome(async (home) => {
    assert.deepEqual((await call(home, 'set web banip 198.51.100.7')).out, '1\n');
    assert.deepEqual((await call(home, 'set web unbanip 198.51.100.7')).out, '1\n');
    assert.deepEqual(await call(home, 'unban --all'), { code: 0, out: '0\n', err: '' });
    assert.equal((await call(home, 'set nosuch banip 198.51.100.7')).code, 255);
  }));

test('a broken configuration fails the test with file and line', () =>
  withHome(async (home) => {
    const { code, out, err } = await call(home, '-t');
    assert.deepEqual([code, out], [255, '']);
    assert.match(err, /ERROR {3}\S+jail\.local:3: bantime: cannot read "x"/);
  }, '[web]\nenabled = true\nbantime = x\n'));

test('the socket of the command line is asked, in the interactive mode line by line', () =>
  withHome(async (home) => {
    const { host } = aHost();
    const path = join(home.folder, 'x.sock');
    const socket = await openSocket(path, (request) => answer(host, request));
    try {
      assert.deepEqual(await call(home, `-s ${path} get door bantime`), { code: 0, out: '600\n', err: '' });
      const refused = await call(home, `-s ${path} status nosuch`);
      assert.deepEqual([refused.code, refused.out], [255, "Sorry but the jail 'nosuch' does not exist\n"]);
      assert.match(refused.err, /ERROR {3}NOK: \('nosuch',\)/);
      assert.match(
        (await call(home, `-s ${path} -i`, 'ping\necho "a b"\nexit\n')).out,
        /pong\nfail2ban> a b\n/,
      );
      assert.match((await call(home, `-s ${path} start`)).err, /Server already running/);
      assert.equal((await call(home, `-s ${path} reload`)).out, 'OK\n');
    } finally {
      if (typeof socket !== 'string') await socket.close();
    }
  }));
