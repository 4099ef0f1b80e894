import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type JailLogs, LogFiles } from '../../src/source/logfiles.ts';
import { readPosition } from '../../src/source/open.ts';
import type { Position } from '../../src/source/source.ts';
import { makeFolder, until } from './logfile/following.ts';

const jail = (name: string, glob: string, more: Partial<JailLogs> = {}): JailLogs => ({
  jail: name,
  logpath: [{ glob, start: 'head' }],
  encoding: 'auto',
  wakeUps: true,
  since: 0,
  dateOf: () => null,
  ...more,
});

type Following = { readonly files: LogFiles; readonly lines: string[]; readonly said: string[] };

/** Follows what jails want; `lines` are `jail: line`. */
function follow(
  t: TestContext,
  wanted: readonly JailLogs[],
  positions: ReadonlyMap<string, Position> = new Map(),
): Following {
  const lines: string[] = [];
  const said: string[] = [];
  const files = new LogFiles(wanted, {
    positions,
    pollMs: 25,
    globMs: 100,
    say: (_level, text) => said.push(text),
    onReady: () => {
      for (let next = files.next(65536); next !== null; next = files.next(65536)) {
        const { batch, jails } = next;
        if (batch.end === batch.start) continue;
        for (const line of batch.bytes.toString('utf8', batch.start, batch.end - 1).split('\n')) {
          for (const name of jails) lines.push(`${name}: ${line}`);
        }
      }
    },
  });
  t.after(() => files.close());
  return { files, lines, said };
}

/** The positions, written as JSON and read again. */
function saved(files: LogFiles): ReadonlyMap<string, Position> {
  const json = JSON.parse(JSON.stringify(Object.fromEntries(files.positions())));
  return new Map(
    Object.entries(json).flatMap(([key, value]) => [[key, readPosition(value) ?? { kind: '' }]]),
  );
}

const got = (log: Following, count: number): Promise<void> =>
  until(
    () => log.lines.length >= count,
    () => `${count} lines, got ${JSON.stringify(log.lines.slice(-20))}`,
  );

describe('globs', () => {
  test('are looked at again: a new file is read from its start, at once or within the interval', async (t) => {
    for (const wakeUps of [true, false]) {
      const folder = makeFolder(t);
      const log = follow(t, [jail('web', join(folder, '*.log'), { wakeUps })]);
      assert.deepEqual(log.files.all(), []);
      writeFileSync(join(folder, 'one.log'), 'first\n');
      await got(log, 1);
      assert.deepEqual(log.lines, ['web: first']);
      assert.equal(log.files.all().length, 1);
    }
  });

  test('that match rotated files too give no line twice, over a restart neither', async (t) => {
    const folder = makeFolder(t);
    const path = join(folder, 'app.log');
    writeFileSync(path, `1 ${'a'.repeat(300)}\n`);
    const log = follow(t, [jail('app', `${path}*`)]);
    await got(log, 1);
    const expected = ['1 '];
    for (let at = 2; at < 8; at++) {
      expected.push(`${at}0`, `${at}1`);
      for (const step of [3, 2, 1]) {
        try {
          renameSync(`${path}.${step}`, `${path}.${step + 1}`);
        } catch {}
      }
      appendFileSync(path, `${at}0 ${'a'.repeat(300)}\n`);
      renameSync(path, `${path}.1`);
      writeFileSync(path, `${at}1 ${'a'.repeat(300)}\n`);
      await got(log, (at - 1) * 2 + 1);
      log.files.rescan();
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.deepEqual(log.lines.map((line) => line.slice(5, 7)).sort(), expected.sort());
    const positions = saved(log.files);
    log.files.close();
    for (const step of [4, 3, 2, 1]) {
      try {
        renameSync(`${path}.${step}`, `${path}.${step + 1}`);
      } catch {}
    }
    appendFileSync(path, 'late\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'new\n');
    const again = follow(t, [jail('app', `${path}*`)], positions);
    await got(again, 2);
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.deepEqual([...again.lines].sort(), ['app: late', 'app: new']);
  });

  test('leave compressed files out', async (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, 'app.log.2.gz'), gzipSync('old\n'));
    writeFileSync(join(folder, 'app.log'), 'new\n');
    const log = follow(t, [jail('app', join(folder, 'app.log*'))]);
    await got(log, 1);
    assert.deepEqual(log.lines, ['app: new']);
    assert.equal(log.files.all().length, 1);
  });
});

test('several jails on one file read it once', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'one\n');
  const log = follow(t, [jail('a', path), jail('b', path), jail('c', `${path.slice(0, -1)}[g]`)]);
  await got(log, 3);
  assert.deepEqual(log.lines, ['a: one', 'b: one', 'c: one']);
  assert.equal(log.files.all().length, 1);
});

test('a file that a jail reaches by two names is read once', async (t) => {
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'app.log'), 'one\n');
  symlinkSync('app.log', join(folder, 'link.log'));
  const log = follow(t, [jail('a', join(folder, '*.log'))]);
  await got(log, 1);
  appendFileSync(join(folder, 'app.log'), 'two\n');
  await got(log, 2);
  assert.deepEqual(log.lines, ['a: one', 'a: two']);
});

test('two jails that reach a file by different names both get every line', async (t) => {
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'app.log'), 'one\n');
  symlinkSync('app.log', join(folder, 'link.log'));
  const log = follow(t, [jail('a', join(folder, 'app.log')), jail('b', join(folder, 'link.log'))]);
  await got(log, 2);
  appendFileSync(join(folder, 'app.log'), 'two\n');
  await got(log, 4);
  assert.deepEqual([...log.lines].sort(), ['a: one', 'a: two', 'b: one', 'b: two']);
});

test('two jails that read a file in different encodings each get their text', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, Buffer.from('caf\u00e9\n', 'latin1'));
  const log = follow(t, [jail('a', path, { encoding: 'latin-1' }), jail('b', path, { encoding: 'koi8-r' })]);
  await got(log, 2);
  assert.deepEqual([...log.lines].sort(), ['a: caf\u00e9', 'b: caf\u0418']);
});

test('positions of every file: a restart goes on where each was', async (t) => {
  const folder = makeFolder(t);
  for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.log`), `${name}1\n`);
  const log = follow(t, [jail('j', join(folder, '*.log'))]);
  await got(log, 2);
  const positions = saved(log.files);
  log.files.close();
  for (const name of ['a', 'b']) appendFileSync(join(folder, `${name}.log`), `${name}2\n`);
  const again = follow(t, [jail('j', join(folder, '*.log'))], positions);
  await got(again, 2);
  assert.deepEqual([...again.lines].sort(), ['j: a2', 'j: b2']);
});

test('a busy file does not starve a quiet one', (t) => {
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'busy.log'), `${'x'.repeat(99)}\n`.repeat(50_000));
  writeFileSync(join(folder, 'quiet.log'), 'one\n');
  let order = 0;
  const files = new LogFiles([jail('j', join(folder, '*.log'))], {
    positions: new Map(),
    pollMs: 1000,
    say: () => {},
    onReady: () => {
      const names: string[] = [];
      for (let next = files.next(65536); next !== null; next = files.next(65536))
        names.push(next.source.name);
      const at = names.findIndex((name) => name.endsWith('quiet.log'));
      order = at < 0 ? order : at;
    },
  });
  t.after(() => files.close());
  return until(
    () => files.all().every(({ source }) => source.status().lag === 0 && source.status().bytes > 0),
    'all',
  ).then(() => assert.ok(order <= 5, `the quiet one came as number ${order}`));
});

test('two hundred files are followed with one watch a folder, and closing gives everything back', async (t) => {
  const folder = makeFolder(t);
  const before = readdirSync('/proc/self/fd').length;
  for (let at = 0; at < 200; at++) writeFileSync(join(folder, `${at}.log`), 'a\n');
  const log = follow(t, [jail('j', join(folder, '*.log'))]);
  await got(log, 200);
  for (let at = 0; at < 200; at++) appendFileSync(join(folder, `${at}.log`), 'b\n');
  await got(log, 400);
  assert.ok(readdirSync('/proc/self/fd').length <= before + 205);
  log.files.close();
  await until(() => readdirSync('/proc/self/fd').length <= before + 2, 'the descriptors to be closed');
  rmSync(folder, { recursive: true });
});
