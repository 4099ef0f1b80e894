import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { embeddedFiles } from '../../src/base/embedded.ts';
import { binary, findProgram, unlessFound, unlessLong } from '../testbed/need.ts';

const root = join(import.meta.dirname, '../..');
const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
const noBinary = existsSync(binary) ? false : 'not built: run ./build.sh or npm test';

/** glibc 2.28 is AlmaLinux 8; the others are what its libstdc++ and libgcc (GCC 8.5) have. */
const NEWEST: Readonly<Record<string, readonly number[]>> = {
  GLIBC: [2, 28],
  GLIBCXX: [3, 4, 25],
  CXXABI: [1, 3, 11],
  GCC: [7, 0, 0],
};

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'f2b build '));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  return { status, stdout, stderr };
}

/** A checkout at another path, with the packages of this one. */
function copyOfCheckout(t: TestContext): string {
  const folder = join(temporaryFolder(t), 'a copy');
  const inputs = [
    'build.sh',
    'package.json',
    'package-lock.json',
    'src',
    'filter.d',
    'jail.d',
    'action.d',
    'share',
  ];
  for (const name of inputs.filter((input) => existsSync(join(root, input)))) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The machine an ELF file is for: 62 x86-64, 183 arm64. */
function machineOf(path: string): number {
  const head = readFileSync(path).subarray(0, 20);
  assert.equal(head.subarray(0, 4).toString('latin1'), '\x7fELF');
  return head.readUInt16LE(18);
}

/** Versions of the symbols a program needs from its libraries, `GLIBC_2.28`. */
function neededVersions(path: string): readonly string[] {
  const { status, stdout, stderr } = run('objdump', ['-T', path]);
  assert.equal(status, 0, stderr);
  const needed = stdout.split('\n').filter((line) => line.includes('*UND*'));
  return [...new Set(needed.flatMap((line) => /\(?\b([A-Z]+_[\d.]+)\)?/.exec(line)?.[1] ?? []))];
}

function isTooNew(symbol: string): boolean {
  const [library = '', number = ''] = symbol.split('_');
  const newest = NEWEST[library];
  if (newest === undefined) return true;
  const parts = number.split('.').map(Number);
  const i = newest.findIndex((part, k) => part !== (parts[k] ?? 0));
  return i >= 0 && (parts[i] ?? 0) > (newest[i] ?? 0);
}

test('the binary needs nothing newer than AlmaLinux 8 has', {
  skip: noBinary || unlessFound('objdump'),
}, () => {
  const versions = neededVersions(binary);
  assert.ok(
    versions.some((symbol) => symbol.startsWith('GLIBC_2.')),
    `no glibc among ${versions}`,
  );
  assert.deepEqual(versions.filter(isTooNew), []);
});

test('the binary needs only libraries that every AlmaLinux has', {
  skip: noBinary || unlessFound('objdump'),
}, () => {
  const { stdout } = run('objdump', ['-p', binary]);
  const needed = [...stdout.matchAll(/NEEDED\s+(\S+)/g)].map(([, name = '']) => name.replace(/\.so.*/, ''));
  const everywhere = [
    'ld-linux-x86-64',
    'ld-linux-aarch64',
    'libc',
    'libdl',
    'libgcc_s',
    'libm',
    'libpthread',
    'libstdc++',
  ];
  assert.deepEqual(
    needed.filter((name) => !everywhere.includes(name)),
    [],
  );
});

test('ldd finds every library of the binary, and file sees no debugging symbols', {
  skip: noBinary || unlessFound('ldd', 'file', 'strip'),
}, () => {
  assert.doesNotMatch(run('ldd', [binary]).stdout, /not found/);
  assert.match(run('file', ['-L', binary]).stdout, /ELF 64-bit LSB.*dynamically linked.*, stripped/);
});

test('alone in an empty folder, without Node or PATH, the binary works', { skip: noBinary }, (t) => {
  const folder = temporaryFolder(t);
  const alone = join(folder, 'f2b');
  copyFileSync(binary, alone);
  chmodSync(alone, 0o755);
  const said = run(alone, ['version'], { cwd: folder, env: {} });
  assert.deepEqual(said, { status: 0, stdout: `f2b ${version}\n`, stderr: '' });
  const help = run(alone, ['help'], { cwd: folder, env: {} });
  assert.deepEqual([help.status, help.stderr], [0, '']);
});

test('options for Node in the environment do not reach the binary', { skip: noBinary }, () => {
  const said = run(binary, ['version'], { env: { NODE_OPTIONS: '--no-such-option', NODE_DEBUG: '' } });
  assert.deepEqual(said, { status: 0, stdout: `f2b ${version}\n`, stderr: '' });
});

test('a library that an OpenSSL configuration names is not loaded', { skip: noBinary }, (t) => {
  const config = join(temporaryFolder(t), 'openssl.cnf');
  writeFileSync(config, 'nodejs_conf = no_such_section\n');
  const said = run(binary, ['version'], { env: { OPENSSL_CONF: config } });
  assert.deepEqual(said, { status: 0, stdout: `f2b ${version}\n`, stderr: '' });
});

test('the same sources give the same bytes, wherever and whenever they are built', {
  skip: noBinary,
}, (t) => {
  const one = copyOfCheckout(t);
  const two = join(temporaryFolder(t), 'two');
  cpSync(one, two, { recursive: true, verbatimSymlinks: true });
  const env = { ...process.env, SOURCE_DATE_EPOCH: '1', TZ: 'Pacific/Auckland', NODE_OPTIONS: '--no-opt' };
  const first = run('sh', [join(one, 'build.sh')]);
  const second = run('sh', [join(two, 'build.sh'), '--out', 'some where'], { env });
  assert.deepEqual([first.status, first.stderr, second.status, second.stderr], [0, '', 0, '']);
  assert.match(first.stdout, new RegExp(`^dist/f2b: \\d+\\.\\d MB, f2b ${version}$`, 'm'));
  assert.equal(hashOf(join(one, 'dist', 'f2b')), hashOf(join(two, 'some where', 'f2b')));
  const again = run('sh', [join(one, 'build.sh')]);
  assert.deepEqual(again, { status: 0, stdout: 'dist/f2b is up to date\n', stderr: '' });
});

test('without strip the build goes on and says so', { skip: noBinary || unlessLong }, (t) => {
  const copy = copyOfCheckout(t);
  const programs = join(copy, 'programs');
  const wanted = [
    'sh',
    'uname',
    'dirname',
    'mkdir',
    'cmp',
    'cat',
    'find',
    'sort',
    'xargs',
    'sha256sum',
    'cut',
    'wc',
    'rm',
  ];
  mkdirSync(programs);
  for (const name of [...wanted, 'mktemp', 'cp', 'chmod', 'env', 'mv']) {
    symlinkSync(findProgram(name) ?? '', join(programs, name));
  }
  const built = run('sh', [join(copy, 'build.sh')], { env: { PATH: programs } });
  assert.deepEqual([built.status, built.stderr], [0, '']);
  assert.match(built.stdout, /no tool to strip the debugging symbols/);
  assert.ok(statSync(join(copy, 'dist', 'f2b')).size > 120_000_000);
});

test('build.sh makes the binary of the other architecture', { skip: noBinary || unlessLong }, (t) => {
  const copy = copyOfCheckout(t);
  const [other, machine] = process.arch === 'x64' ? ['arm64', 183] : ['x64', 62];
  const built = run('sh', [join(copy, 'build.sh'), '--arch', String(other)]);
  assert.deepEqual([built.status, built.stderr], [0, '']);
  const path = join(copy, 'dist', `f2b-${other}`);
  assert.equal(machineOf(path), machine);
  if (unlessFound('objdump') === false) assert.deepEqual(neededVersions(path).filter(isTooNew), []);
});

test('build.sh refuses what it does not know', () => {
  const script = join(root, 'build.sh');
  assert.deepEqual(run('sh', [script, '--fast']), {
    status: 2,
    stdout: '',
    stderr: 'usage: ./build.sh [--arch x64|arm64] [--out DIR] [--quiet] [--setup]\n',
  });
  const { status, stderr } = run('sh', [script, '--arch', 'sparc']);
  assert.deepEqual([status, stderr], [1, 'build.sh: cannot build for "sparc": write x64 or arm64\n']);
});

test('what travels inside the binary is sorted and complete', () => {
  const paths = [...embeddedFiles().keys()];
  assert.deepEqual(paths, paths.toSorted());
  const shipped = globSync(['filter.d/*.conf', 'jail.d/*.conf', 'share/*.service', 'share/*.timer'], {
    cwd: root,
  });
  assert.deepEqual(
    shipped.filter((path) => !paths.includes(path)),
    [],
  );
});
