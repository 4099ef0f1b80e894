import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { LogFile } from '../../../src/source/logfile/logfile.ts';
import type { Batch } from '../../../src/source/source.ts';
import { follow, makeFolder, until } from './following.ts';

const LONG = process.env['F2B_LONG'] === '1';
const WRITER = join(import.meta.dirname, 'writer.ts');
const READER = join(import.meta.dirname, 'reader.ts');
const noLogrotate = existsSync('/usr/sbin/logrotate') ? false : 'no logrotate here';

type Writer = { wrote: number | null; readonly stop: () => void };

/** Starts the writer; `wrote` is null until it has ended. */
function startWriter(t: TestContext, path: string, count: number, mode: string): Writer {
  const child = spawn(process.execPath, [WRITER, path, String(count), mode], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const result: Writer = { wrote: null, stop: () => child.stdin.end() };
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.on('close', () => {
    result.wrote = Number(text);
  });
  return result;
}

/** A logrotate of its own: configuration and state in the test's folder; runs beside the test, not instead of it. */
function makeLogrotate(folder: string, path: string, directives: string): () => Promise<void> {
  const config = join(folder, 'rotate.conf');
  writeFileSync(config, `${path} {\n  su root root\n  missingok\n  size 1\n  ${directives}\n}\n`, {
    mode: 0o644,
  });
  return () =>
    new Promise((resolve, reject) => {
      execFile(
        '/usr/sbin/logrotate',
        ['-f', '-s', join(folder, 'status'), config],
        (error, _out, complaint) => {
          if (error === null) resolve();
          else reject(new Error(`logrotate: ${complaint}`));
        },
      );
    });
}

/** Which numbered lines came, how often in all, and what came that is none. */
type Tally = { readonly seen: Uint8Array; came: number; readonly strange: string[] };

function count(tally: Tally, batch: Batch): void {
  if (batch.end === batch.start) return;
  for (const line of batch.bytes.toString('latin1', batch.start, batch.end - 1).split('\n')) {
    const number = /^line (\d+) .* ssh2$/.exec(line)?.[1];
    if (number === undefined) tally.strange.push(line);
    else tally.seen[Number(number)] = (tally.seen[Number(number)] ?? 0) + 1;
    tally.came++;
  }
}

function followNumbers(t: TestContext, path: string, wakeUps: boolean): Tally & { readonly source: LogFile } {
  const tally: Tally = { seen: new Uint8Array(1 << 24), came: 0, strange: [] };
  const log = follow(t, path, {
    wakeUps,
    pollMs: 50,
    onReady: () => {
      for (let batch = log.source.read(65536); batch !== null; batch = log.source.read(65536))
        count(tally, batch);
    },
  });
  return Object.assign(tally, { source: log.source });
}

describe('logrotate under a writer in a hurry', { skip: noLogrotate }, () => {
  const rotations = LONG ? 100 : 40;
  for (const wakeUps of [false, true]) {
    const name = wakeUps ? 'with wake-ups' : 'polling';
    test(`create, ${name}: every line comes exactly once over ${rotations} rotations`, async (t) => {
      const folder = makeFolder(t);
      const path = join(folder, 'app.log');
      writeFileSync(path, '');
      const rotate = makeLogrotate(folder, path, 'create 0644\n  rotate 20');
      const log = followNumbers(t, path, wakeUps);
      const writer = startWriter(t, path, 1e9, 'reopen');
      await until(() => log.came > 1000, 'the writer to begin');
      for (let at = 0; at < rotations; at++) await rotate();
      writer.stop();
      await until(() => writer.wrote !== null, 'the writer to end', 60_000);
      const wrote = writer.wrote ?? 0;
      await until(
        () => log.came >= wrote,
        () =>
          `${wrote} lines, ${log.came} came, the first missing is ${log.seen.indexOf(0)}: ${readdirSync(folder)}`,
        60_000,
      );
      assert.equal(log.came, wrote);
      assert.ok(
        log.seen.subarray(0, wrote).every((count) => count === 1),
        'each of them once',
      );
      t.diagnostic(`${wrote} lines, ${log.source.status().rotations} rotations seen at the path`);
    });

    test(`copytruncate, ${name}: every line that survives in the copies or the file comes exactly once`, async (t) => {
      const folder = makeFolder(t);
      const path = join(folder, 'app.log');
      writeFileSync(path, '');
      const rotate = makeLogrotate(folder, path, `copytruncate\n  rotate ${rotations + 5}`);
      const log = followNumbers(t, path, wakeUps);
      const writer = startWriter(t, path, 1e9, 'keep');
      await until(() => log.came > 1000, 'the writer to begin');
      for (let at = 0; at < rotations; at++) await rotate();
      writer.stop();
      await until(() => writer.wrote !== null, 'the writer to end', 60_000);
      const survived = readdirSync(folder)
        .filter((file) => file.startsWith('app.log'))
        .flatMap((file) => readFileSync(join(folder, file), 'latin1').split('\n'))
        .flatMap((line) => /^line (\d+) .* ssh2$/.exec(line)?.[1] ?? [])
        .map(Number);
      const missing = (): number => survived.filter((one) => log.seen[one] !== 1).length;
      await until(
        () => missing() === 0,
        () => `${missing()} of ${survived.length} lines`,
        60_000,
      );
      assert.ok(
        log.seen.every((count) => count < 2),
        'none twice',
      );
      const wrote = writer.wrote ?? 0;
      t.diagnostic(
        `${wrote} written, ${survived.length} survived, ${log.came} came, ${log.strange.length} torn`,
      );
    });
  }
});

test(`killed at random instants ${LONG ? 200 : 6} times, resumed: every line is counted exactly once`, async (t) => {
  const folder = makeFolder(t);
  const path = join(folder, 'app.log');
  const state = join(folder, 'state.json');
  writeFileSync(path, '');
  const kills = LONG ? 200 : 6;
  const count = LONG ? 3_000_000 : 100_000;
  const errors = openSync(join(folder, 'errors'), 'a');
  const startReader = (): ChildProcess =>
    spawn(process.execPath, [READER, path, state], { stdio: ['ignore', 'ignore', errors] });
  let reader = startReader();
  t.after(() => reader.kill('SIGKILL'));
  const writer = startWriter(t, path, count, 'reopen');
  let generation = 0;
  const lines = (): number => {
    try {
      return (JSON.parse(readFileSync(state, 'utf8')) as { lines: number }).lines;
    } catch {
      return 0;
    }
  };
  // Until something is saved, a log counts as never followed: then only the file at the path is read.
  await until(() => lines() > 0, 'the first save');
  for (let at = 0; at < kills; at++) {
    const before = lines();
    // Instants from its very start-up to well into its work.
    const wait = Math.random() * 250;
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (at % 3 === 1) {
      renameSync(path, `${path}.${++generation}`);
      writeFileSync(path, '', { flag: 'a' });
    }
    if (at % 4 === 3) await until(() => lines() > before || writer.wrote !== null, 'progress');
    await killed(reader);
    reader = startReader();
  }
  await until(() => writer.wrote !== null, 'the writer to end', 120_000);
  await until(
    () => lines() >= count,
    () => `${count} lines, ${lines()} were counted`,
    60_000,
  );
  const counted = JSON.parse(readFileSync(state, 'utf8')) as { lines: number; sum: number; squares: number };
  let squares = 0;
  for (let at = 0; at < count; at++) squares = (squares + at * at) % 2 ** 40;
  assert.deepEqual(
    [counted.lines, counted.sum, counted.squares],
    [count, (count * (count - 1)) / 2, squares],
    readFileSync(join(folder, 'errors'), 'utf8'),
  );
});

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
