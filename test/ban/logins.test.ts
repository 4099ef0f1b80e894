import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchLogins } from '../../src/ban/logins.ts';

test('watchLogins() spares whoever is logged in and connected, not stale notes', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-home-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ['proc/net', 'proc/812', 'proc/814', 'sessions'])
    mkdirSync(join(folder, part), { recursive: true });
  const note = (name: string, from: string, leader: number): void =>
    writeFileSync(join(folder, 'sessions', name), `STATE=active\nREMOTE_HOST=${from}\nLEADER=${leader}\n`);
  note('1', '198.51.100.7', 812);
  note('2', '198.51.100.8', 813);
  note('3', '198.51.100.9', 814);
  const line = (hex: string): string => `   0: 0100007F:0016 ${hex}:D2F0 01 00000000:00000000\n`;
  writeFileSync(join(folder, 'proc/net/tcp'), line('076433C6') + line('086433C6'));
  const protection = watchLogins({
    proc: join(folder, 'proc'),
    utmp: join(folder, 'utmp'),
    sessions: join(folder, 'sessions'),
  })();
  assert.deepEqual([...protection.sessions], ['198.51.100.7'], 'process 813 is gone, .9 has no connection');
  assert.deepEqual([...protection.gateways], []);
});
