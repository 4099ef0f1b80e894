import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { binary, program, unlessRootWith } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

const FILTER = '[Definition]\nfailregex = ^fail <HOST>$\n';
const JAIL = (log: string): string =>
  `[web]\nenabled = true\nfilter = web\nlogpath = ${log}\nmaxretry = 1\nbackend = polling\naction = dummy\ndatepattern = {NONE}\n`;

test("others rotate the daemon's log: SIGUSR1 and SIGHUP open it anew, and so does the next line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-ownlog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [log, web] = [join(folder, 'f2b.log'), join(folder, 'web.log')];
  mkdirSync(join(folder, 'etc', 'filter.d'), { recursive: true });
  writeFileSync(join(folder, 'etc', 'filter.d', 'web.conf'), FILTER);
  writeFileSync(join(folder, 'etc', 'jail.conf'), JAIL(web));
  writeFileSync(web, '');
  const [file, ...words] = program;
  const state = join(folder, 'state', 'state.json');
  const args = [
    ...words,
    '--config',
    join(folder, 'etc'),
    '--state',
    state,
    '--log',
    log,
    'run',
    '--poll',
    '0.05',
  ];
  const daemon = spawn(file, args, { stdio: 'ignore' });
  t.after(() => daemon.kill('SIGKILL'));
  const started = (): boolean => existsSync(log) && readFileSync(log, 'utf8').includes("Jail 'web' started");
  await eventually('it runs', started);

  for (const [i, signal] of (['SIGUSR1', 'SIGHUP'] as const).entries()) {
    renameSync(log, `${log}.${i}`);
    daemon.kill(signal);
    await eventually(`a new file after ${signal}`, () => existsSync(log));
  }
  renameSync(log, `${log}.2`);
  appendFileSync(web, 'fail 192.0.2.7\n');
  await eventually(
    'the line is in the new file',
    () => existsSync(log) && readFileSync(log, 'utf8').includes('[web] Found 192.0.2.7'),
  );
  assert.doesNotMatch(readFileSync(`${log}.2`, 'utf8'), /192\.0\.2\.7/);
  daemon.kill('SIGTERM');
  assert.deepEqual(await once(daemon, 'exit'), [0, null]);
});

test('a jail reads the new log of f2b itself from the first line on, and not the journal in its place', {
  skip: unlessRootWith('unshare', 'mount', 'journalctl'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-ownlog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [log, web] = [join(folder, 'f2b.log'), join(folder, 'web.log')];
  mkdirSync(join(folder, 'etc', 'filter.d'), { recursive: true });
  writeFileSync(join(folder, 'etc', 'filter.d', 'web.conf'), FILTER);
  const own =
    '[Definition]\nfailregex = NOTICE +\\[web\\] Ban <HOST>$\njournalmatch = SYSLOG_IDENTIFIER=none\n';
  writeFileSync(join(folder, 'etc', 'filter.d', 'own.conf'), own);
  const jail = `[own]\nenabled = true\nfilter = own\nlogpath = ${log}\nmaxretry = 1\nbackend = auto\naction = dummy\n`;
  writeFileSync(join(folder, 'etc', 'jail.conf'), `${JAIL(web)}${jail}`);
  writeFileSync(web, '');
  // Whatever the host has: a journal is there.
  const inside = 'mount -t tmpfs tmpfs /run; mkdir -p /run/log/journal; exec "$@"';
  const words = ['run', '--config', join(folder, 'etc'), '--state', join(folder, 'state', 'state.json')];
  const all = ['-m', 'sh', '-c', inside, 'sh', ...program, ...words, '--log', log, '--poll', '0.05'];
  const daemon = spawn('unshare', all, { stdio: 'ignore' });
  t.after(() => daemon.kill('SIGKILL'));
  const lines = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  await eventually(
    'both jails work',
    () => /Jail 'own' started/.test(lines()) && /Jail 'web' started/.test(lines()),
  );
  assert.ok(lines().includes(`Added logfile: '${log}'`), lines());
  appendFileSync(web, 'fail 192.0.2.7\n');
  await eventually(
    () => `the ban is seen:\n${lines()}`,
    () => lines().includes('[own] Ban 192.0.2.7'),
  );
  daemon.kill('SIGTERM');
  assert.deepEqual(await once(daemon, 'exit'), [0, null]);
});

test('no signal has the program open a port for a debugger', { skip: unlessBuilt() }, async (t) => {
  // It waits for its standard input, without a handler of its own.
  const waiting = spawn(binary, ['regex', '-', '^fail <HOST>$'], { stdio: ['pipe', 'ignore', 'pipe'] });
  t.after(() => waiting.kill('SIGKILL'));
  let said = '';
  waiting.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await eventually('node has its handler', () => catches(waiting.pid ?? 0, 10));
  waiting.kill('SIGUSR1');
  await eventually('the port is refused', () => said.includes('Starting inspector'), 20);
  assert.match(said, /^(?:Starting inspector on \S+ failed: address not available\n)+$/);
});

/** Whether the process has a handler for the signal of that number. */
function catches(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

function unlessBuilt(): string | false {
  return existsSync(binary) ? false : 'not built: run ./build.sh or npm test';
}
