import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  command,
  dieWithParent,
  failureOf,
  formatCommand,
  isOnPath,
  type Output,
  run,
} from '../../src/base/process.ts';
import { eventually } from '../testbed/testbed.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-exec-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const LIMIT = 30;

test('run() hands over arguments and input as they are: no shell reads them', async () => {
  const words = ['$HOME', '`id`', '; echo x', "it's", '*', 'a b', '', '\n'];
  const output = await run(command(['printf', '<%s>', ...words]), LIMIT);
  assert.deepEqual(output, {
    exitCode: 0,
    stdout: words.map((w) => `<${w}>`).join(''),
    stderr: '',
    trouble: null,
  });
  const echoed = await run(command(['cat'], { stdin: '$(id)\nüß\n' }), LIMIT);
  assert.equal(echoed.stdout, '$(id)\nüß\n');
});

test('run() feeds a program in a way that it can open by name, as nft before 1.0 does', async () => {
  const stdin = `${'198.51.100.7 '.repeat(100_000)}end\n`;
  for (const path of ['/dev/stdin', '/proc/self/fd/0']) {
    const { stdout, stderr } = await run(command(['cat', path], { stdin }), LIMIT);
    assert.ok(stdout === stdin, `${path}: ${stderr}`);
  }
  const { stdout } = await run(command(['stat', '-L', '-c', '%a %u %h', '/dev/stdin'], { stdin }), LIMIT);
  assert.equal(stdout, `600 ${process.getuid?.()} 0\n`);
});

test('run() feeds a program although the folder of temporary files is gone', async () => {
  const script = `const { command, run } = await import(${JSON.stringify(new URL('../../src/base/process.ts', import.meta.url).href)});
    process.stdout.write((await run(command(['cat'], { stdin: 'fed' }), 30)).stdout);`;
  const env = { ...process.env, TMPDIR: join(folder, 'gone') };
  const one = command([process.execPath, '--input-type=module', '-e', script]);
  assert.equal((await run(one, LIMIT, { env })).stdout, 'fed');
});

test('with files a program can open its outputs by name, and what it leaves running is not waited for', async () => {
  const script = 'echo one >/dev/stderr; echo two >/dev/stdout; echo three; echo four >&2; sleep 20 & exit 3';
  const begin = performance.now();
  const output = await run(command(['sh', '-c', `${script}`]), LIMIT, { hasFiles: true });
  assert.ok(performance.now() - begin < 15_000);
  assert.deepEqual(output, { exitCode: 3, stdout: 'two\nthree\n', stderr: 'one\nfour\n', trouble: null });
  const flood = command(['sh', '-c', 'yes | head -c 3000000; echo end >&2']);
  const cut = await run(flood, LIMIT, { hasFiles: true, maxBytes: 1000 });
  assert.equal(cut.trouble, 'said more than 1000 bytes');
  assert.deepEqual([cut.stdout.length, cut.stderr], [1000, 'end\n']);
});

test('run() gives every program the same small environment', async () => {
  process.env['F2B_SECRET'] = 'x';
  const { stdout } = await run(command(['env']), LIMIT, { env: { EXTRA: '1' } });
  delete process.env['F2B_SECRET'];
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=', 1)[0]);
  assert.deepEqual(names.sort(), ['EXTRA', 'LC_ALL', 'PATH']);
});

test('run() passes on no descriptor that we opened', async () => {
  const held = openSync('/dev/null', 'r');
  const { stdout } = await run(command(['ls', '/proc/self/fd']), LIMIT);
  closeSync(held);
  const passed = stdout.trim().split('\n').map(Number);
  assert.deepEqual(passed.slice(0, 3), [0, 1, 2]);
  assert.ok(!passed.includes(held), `${passed} without ${held}`);
});

test('run() leaves no descriptor open and no temporary file behind', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const old = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  const one = command(['cat'], { stdin: 'from a file\n' });
  const outputs = await Promise.all(Array.from({ length: 20 }, () => run(one, LIMIT)));
  if (old === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = old;
  assert.ok(outputs.every((output) => output.stdout === 'from a file\n'));
  assert.deepEqual(readdirSync(folder), []);
  await eventually('the pipes are closed', () => readdirSync('/proc/self/fd').length <= before);
});

test('a program that is missing, or may not be run, or fails is told plainly', async () => {
  const missing = command(['f2b-no-such-program']);
  assert.equal(
    failureOf(missing, await run(missing, LIMIT)),
    'f2b-no-such-program: not found, is it installed?',
  );
  const path = join(folder, 'plain');
  writeFileSync(path, 'no program', { mode: 0o644 });
  const plain = command([path]);
  assert.equal(failureOf(plain, await run(plain, LIMIT)), `${path}: not permitted to run it (EACCES)`);
  rmSync(path);
  const failing = command(['ls', '/f2b/nowhere']);
  assert.match(failureOf(failing, await run(failing, LIMIT)) ?? '', /^ls: .*No such file or directory$/);
  assert.equal(failureOf(command(['false']), await run(command(['false']), LIMIT)), 'false: exit code 1');
  assert.equal(failureOf(command(['true']), await run(command(['true']), LIMIT)), null);
});

test('failureOf() quotes the line of the input that a program complains of', () => {
  const said = (stderr: string): Output => ({ exitCode: 1, stdout: '', stderr, trouble: null });
  const restore = command(['iptables-restore'], { stdin: '*filter\n-I DOCKER-USER 1 -j DROP\nCOMMIT\n' });
  assert.equal(
    failureOf(restore, said('iptables-restore: line 2 failed: No chain/target/match by that name.\n')),
    'iptables-restore: line 2 failed: No chain/target/match by that name. (-I DOCKER-USER 1 -j DROP)',
  );
});

test('a program that hangs is ended at the limit, with all that it started', async () => {
  const script = 'trap "" TERM; sleep 300 & echo $!; wait; sleep 300';
  const output = await run(command(['sh', '-c', script]), 0.3);
  assert.deepEqual([output.exitCode, output.trouble], [null, 'timed out after 0.3 s']);
  const child = Number(output.stdout);
  await eventually('its child is gone', () => {
    try {
      return /^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'utf8'));
    } catch {
      return true;
    }
  });
});

test('a program that is killed is told from one that ended', async () => {
  const output = await run(command(['sh', '-c', 'kill -9 $$']), LIMIT);
  assert.deepEqual([output.exitCode, output.trouble], [null, 'killed by SIGKILL']);
});

test('output beyond the limit is dropped, and told', async () => {
  const output = await run(command(['head', '-c', '3000000', '/dev/zero']), LIMIT, { maxBytes: 1000 });
  assert.deepEqual([output.stdout.length, output.trouble], [1000, 'said more than 1000 bytes']);
});

test('a program that does not read its input is no trouble', async () => {
  const output = await run(command(['true'], { stdin: 'x'.repeat(1_000_000) }), LIMIT);
  assert.deepEqual([output.exitCode, output.trouble], [0, null]);
});

test('what formatCommand() prints does in a shell what run() does', async () => {
  const commands = [
    command(['printf', '%s|', 'plain', "it's", '$x', 'a "b"', '', 'back\\slash', '*']),
    command(['cat'], { stdin: "line $x\n`id`\nEND\nwithout 'end'\n" }),
    command(['cat'], { stdin: '' }),
  ];
  for (const one of commands) {
    const real = await run(one, LIMIT);
    const shell = await run(command(['sh'], { stdin: `${formatCommand(one)}\n` }), LIMIT);
    assert.equal(shell.stdout.trimEnd(), real.stdout.trimEnd(), formatCommand(one));
    assert.equal(shell.stderr, '');
  }
});

const PROCESS = join(import.meta.dirname, '../../src/base/process.ts');

test('a program started with dieWithParent() ends when its parent is killed', {
  skip: dieWithParent().length === 0 && 'setpriv cannot',
}, async () => {
  const script = `import { spawn } from 'node:child_process';
import { dieWithParent } from ${JSON.stringify(PROCESS)};
const [program, ...args] = [...dieWithParent(), 'sleep', '60'];
console.log(spawn(program, args, { stdio: 'ignore' }).pid);
setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(parent.stdout, 'data');
  const pid = Number(String(said));
  assert.ok(existsSync(`/proc/${pid}`));
  parent.kill('SIGKILL');
  await eventually('it has ended', () => !existsSync(`/proc/${pid}`));
});

test('isOnPath() looks where programs are run from', () => {
  assert.ok(isOnPath('sh'));
  assert.ok(!isOnPath('f2b-no-such-program'));
});
