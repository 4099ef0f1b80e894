import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { MachineError, UsageError } from '../../../src/base/errors.ts';
import { type Input, openInput, shortened } from '../../../src/cli/regex/lines.ts';
import { LINE_CAP } from '../../../src/source/source.ts';

const open = (log: string, encoding: string | null = null, chunks: readonly (string | Buffer)[] = []) =>
  openInput(log, { encoding, journalmatch: [], maxlines: 1, stdin: Readable.from(chunks) });
async function textsOf({ batches }: Input): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const batch of batches) texts.push(...batch.map(({ text }) => text));
  return texts;
}

test('standard input is split into lines wherever the chunks end', async () => {
  const euro = Buffer.from('€');
  const chunks = [
    Buffer.from('one\r\ntw'),
    Buffer.concat([Buffer.from('o\n'), euro.subarray(0, 1)]),
    euro.subarray(1),
  ];
  assert.deepEqual(await textsOf(open('-', null, chunks)), ['one', 'two', '€']);
});

test('of an endless line only the beginning is looked at', async () => {
  const chunks = Array.from({ length: 5 }, () => 'x'.repeat(LINE_CAP));
  const texts = await textsOf(open('-', null, [...chunks, '\nnext\n']));
  assert.deepEqual(
    texts.map(({ length }) => length),
    [LINE_CAP, 4],
  );
});

test('a file is read in its encoding, and unpacked when it is compressed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-lines-'));
  try {
    const path = join(folder, 'log');
    writeFileSync(path, Buffer.from('caf\xe9\n', 'latin1'));
    const plain = open(path, 'latin1');
    assert.deepEqual([await textsOf(plain), plain.plain?.path], [['café'], path]);
    writeFileSync(path, gzipSync('packed\n'));
    const packed = open(path);
    assert.deepEqual([await textsOf(packed), packed.plain], [['packed'], null]);
    assert.throws(() => open(folder), UsageError);
    assert.throws(() => open(join(folder, 'none')), MachineError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('anything else is a line, or several', async () => {
  const { intro, batches, plain } = open('bad from 192.0.2.7');
  assert.deepEqual([intro, plain], [['Use      single line : bad from 192.0.2.7'], null]);
  assert.deepEqual(await textsOf({ intro, batches, plain }), ['bad from 192.0.2.7']);
  assert.deepEqual(await textsOf(open('one\ntwo')), ['one', 'two']);
  assert.throws(() => open('-', 'klingon'), /there is no encoding "klingon"/);
  assert.equal(shortened('x'.repeat(54)), `${'x'.repeat(50)}...`);
});
