import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../../../src/cli/client/ask.ts';
import { openControl } from '../../../src/daemon/control/control.ts';
import { Messages } from '../../../src/daemon/messages.ts';
import { listLog } from '../listlog.ts';
import { aHost } from './ahost.ts';

test('a host is reached on every socket, its process by the pidfile, and nothing is left behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-control-'));
  try {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('taken'), '');
    const lines: string[] = [];
    const sockets = [at('one'), at('two'), at('taken')];
    const { host } = aHost();
    const control = await openControl({ sockets, pidfile: at('pid') }, host, new Messages(listLog(lines)));
    assert.equal(readFileSync(at('pid'), 'utf8'), `${process.pid}\n`);
    for (const path of sockets.slice(0, 2))
      assert.deepEqual(await ask(path, ['set', 'door', 'bantime', '5']), { kind: 'value', value: 5 });
    assert.equal((await ask(at('one'), ['stop', 'nosuch'])).kind, 'fault');
    assert.match(lines.join('\n'), /WARNING .* cannot open the socket .*taken/);
    assert.match(lines.join('\n'), /INFO .* command: set door bantime 5/);
    assert.match(lines.join('\n'), /WARNING .* command refused: stop nosuch/);
    rmSync(at('taken'));
    await control.retry();
    assert.deepEqual(await ask(at('taken'), ['ping']), { kind: 'value', value: 'pong' });
    assert.match(lines.join('\n'), /NOTICE .* answering on .*taken now/);
    await control.close();
    assert.deepEqual(
      ['one', 'two', 'pid'].filter((name) => existsSync(at(name))),
      [],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a fail2ban that still runs keeps its pidfile and its socket's name, the own socket is opened", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-control-'));
  const running = spawn('sh', ['-c', 'read x', 'fail2ban-server'], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    const at = (name: string): string => join(folder, name);
    mkdirSync(at('run'));
    writeFileSync(at('run/pid'), `${running.pid}\n`);
    const paths = { sockets: [at('own'), at('run/sock')], pidfile: at('run/pid') };
    const control = await openControl(paths, aHost().host, new Messages(listLog([])));
    assert.deepEqual([existsSync(at('own')), existsSync(at('run/sock'))], [true, false]);
    assert.equal(readFileSync(at('run/pid'), 'utf8'), `${running.pid}\n`);
    running.stdin.end();
    await once(running, 'exit');
    await control.retry();
    assert.equal(readFileSync(at('run/pid'), 'utf8'), `${process.pid}\n`);
    assert.ok(existsSync(at('run/sock')));
    await control.close();
  } finally {
    running.kill();
    rmSync(folder, { recursive: true });
  }
});
