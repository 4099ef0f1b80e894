import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchLogins } from '../../src/ban/logins.ts';

test('watchLogins() spares whoever is logged in and connected, not stale notes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-home-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const ended = spawnSync('true').pid;
  for (const part of ['proc/net', 'sessions']) mkdirSync(join(folder, part), { recursive: true });
  const note = (name: string, from: string, leader: number): void =>
    writeFileSync(join(folder, 'sessions', name), `STATE=active\nREMOTE_HOST=${from}\nLEADER=${leader}\n`);
  note('1', '198.51.100.7', process.pid);
  note('2', '198.51.100.8', ended);
  note('3', '198.51.100.9', process.pid);
  const line = (hex: string): string => `   0: 0100007F:0016 ${hex}:D2F0 01 00000000:00000000\n`;
  writeFileSync(join(folder, 'proc/net/tcp'), line('076433C6') + line('086433C6'));
  const protection = watchLogins({
    proc: join(folder, 'proc'),
    utmp: join(folder, 'utmp'),
    sessions: join(folder, 'sessions'),
  })();
  assert.deepEqual(
    [...protection.sessions],
    ['198.51.100.7'],
    'the process of .8 is gone, .9 has no connection',
  );
  assert.deepEqual([...protection.gateways], []);
});
