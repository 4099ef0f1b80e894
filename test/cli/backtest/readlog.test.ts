import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { openLogFile, readLog } from '../../../src/cli/backtest/readlog.ts';

async function textOf(path: string): Promise<string> {
  let text = '';
  for await (const { bytes, start, end } of readLog(openLogFile(path)))
    text += Buffer.from(bytes).toString('latin1', start, end);
  return text;
}

async function withFolder(work: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-readlog-'));
  try {
    await work((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a plain file and packed ones give the same lines, whatever their names are', () =>
  withFolder(async (path) => {
    const text = Array.from({ length: 60_000 }, (_, i) => `line ${i} of this log\n`).join('');
    writeFileSync(path('plain'), text);
    writeFileSync(path('gz'), gzipSync(text));
    writeFileSync(path('zst'), zstdCompressSync(text));
    for (const name of ['plain', 'gz', 'zst']) assert.equal(await textOf(path(name)), text, name);
    const packed = spawnSync('xz', ['-c', path('plain')], { maxBuffer: 1e8 });
    if (packed.error !== undefined) return;
    writeFileSync(path('xz'), packed.stdout);
    assert.equal(await textOf(path('xz')), text);
  }));

test('carriage returns go, a last line without an end gets one, of an endless line the beginning stays', () =>
  withFolder(async (path) => {
    writeFileSync(path('log'), `a\r\nb\rc\r\n${'x'.repeat(1_500_000)}\nend`);
    assert.equal(await textOf(path('log')), `a\nb\rc\n${'x'.repeat(65536)}\nend\n`);
  }));

test('what cannot be read is told', () =>
  withFolder(async (path) => {
    assert.throws(() => openLogFile(path('none')), /cannot read .*none: there is no such file/);
    assert.throws(() => openLogFile(path('.')), /it is a folder/);
    writeFileSync(path('gz'), gzipSync('some text\n'));
    truncateSync(path('gz'), 20);
    await assert.rejects(textOf(path('gz')), /cannot read .*gz: /);
  }));
