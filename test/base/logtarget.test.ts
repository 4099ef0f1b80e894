import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogTarget } from '../../src/base/logtarget.ts';
import { unlessFound } from '../testbed/need.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-logtarget-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What a process says on standard error that does this with a LogTarget named `log`. */
function said(path: string, script: string): string {
  const module = join(import.meta.dirname, '../../src/base/logtarget.ts');
  const source = `import { LogTarget } from ${JSON.stringify(module)};
import * as fs from 'node:fs';
const path = ${JSON.stringify(path)};
const log = new LogTarget(path);
const write = (text) => log.write(Buffer.from(text));
${script}`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 20_000,
  });
  assert.equal(status, 0, String(stderr));
  return String(stderr);
}

test('LogTarget writes into the file that stands at its path, whoever put it there', (t) => {
  const path = join(temporary(t), 'log');
  const log = new LogTarget(path);
  log.write(bytes('one\n'));
  renameSync(path, `${path}.1`);
  log.write(bytes('two\n'));
  renameSync(path, `${path}.2`);
  writeFileSync(path, 'made by logrotate\n');
  log.write(bytes('three\n'));
  assert.deepEqual(
    ['.1', '.2', ''].map((end) => readFileSync(`${path}${end}`, 'utf8')),
    ['one\n', 'two\n', 'made by logrotate\nthree\n'],
  );
});

test('a log that cannot be opened is told once, its lines go to standard error, reopen() tries again', (t) => {
  const folder = temporary(t);
  const path = join(folder, 'later', 'log');
  const text = said(
    path,
    `write('one\\n'); write('two\\n'); log.reopen(); fs.mkdirSync(${JSON.stringify(join(folder, 'later'))});
     write('three\\n'); log.reopen(); write('four\\n'); write('five\\n');`,
  );
  assert.equal(
    text,
    `f2b: cannot open the log ${path}: ENOENT: log lines go to standard error until it works
one\ntwo\nthree\nf2b: log lines go to ${path} again\n`,
  );
  assert.equal(readFileSync(path, 'utf8'), 'four\nfive\n');
});

test('a folder or a file in the way of the log does not end the program', (t) => {
  const folder = temporary(t);
  const path = join(folder, 'log');
  mkdirSync(path);
  assert.match(
    said(path, `write('one\\n');`),
    /EISDIR: log lines go to standard error until it works\none\n$/,
  );
  rmdirSync(path);
  writeFileSync(path, '');
  assert.match(said(join(path, 'log'), `write('one\\n');`), /ENOTDIR: .*\none\n$/);
});

test('a named pipe without a reader is not waited for', { skip: unlessFound('mkfifo') }, (t) => {
  const path = join(temporary(t), 'pipe');
  spawnSync('mkfifo', [path]);
  assert.match(said(path, `write('one\\n');`), /ENXIO: .*\none\n$/);
});

test('what a full disk does not take goes to standard error', () => {
  const text = said('/dev/full', `write('one\\n'); write('two\\n');`);
  assert.equal(
    text,
    'f2b: cannot write the log /dev/full: ENOSPC: log lines go to standard error until it works\none\ntwo\n',
  );
});
