import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const main = join(import.meta.dirname, '../../../src/main.ts');

test('without a firewall the story tells of both bans, shows each line once, and ends with the commands', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--dry-run', 'demo'], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(
    [...stdout.matchAll(/^== (\d)\. (\S+ \S+)/gm)].map(([, number, words]) => `${number} ${words}`),
    ['1 A web', '2 127.0.0.2 asks', '3 Wrong passwords:', '4 These commands'],
  );
  assert.deepEqual(
    [...stdout.matchAll(/NOTICE +\[(\S+)\] Ban (\S+)$/gm)].map(([, jail, ip]) => `${jail} ${ip}`),
    ['flask-8080 127.0.0.2', 'flask-auth 127.0.0.2'],
  );
  assert.deepEqual(
    [...stdout.matchAll(/"GET (\S+) HTTP\/1\.1" (\d+)/g)].map(([, path, code]) => `${path} ${code}`),
    ['/ 200', '/ 200', '/ 200', '/restricted/ 401', '/restricted/ 401'],
  );
  const [, commands = ''] = stdout.split('== 4. These commands');
  for (const jail of ['flask-8080', 'flask-auth']) assert.ok(commands.includes(jail), jail);
  assert.match(commands, /127\.0\.0\.2/);
  assert.doesNotMatch(commands, / (?:INFO|NOTICE) /);
});
