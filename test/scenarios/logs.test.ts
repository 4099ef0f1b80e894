/** Logs as other programs leave them, under the daemon as a process of its own: every failure counts once, and none is waited for. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { readState } from '../../src/state/json.ts';
import { program, unlessFound } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

/** A folder with one jail, whose firewall is a dummy, and a log. */
function makeScene(t: TestContext, logpath = 'app.log') {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-logs-'));
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  for (const part of ['filter.d', 'jail.d']) mkdirSync(join(folder, 'etc', part), { recursive: true });
  writeFileSync(join(folder, 'etc/filter.d/t.conf'), '[Definition]\nfailregex = ^\\s*bad <HOST>$\n');
  const jail = [
    '[t]',
    'enabled = true',
    'filter = t',
    `logpath = ${join(folder, logpath)}`,
    'banaction = dummy',
  ];
  const limits = ['backend = auto', 'maxretry = 100', 'findtime = 1d', 'bantime = 1d'];
  writeFileSync(join(folder, 'etc/jail.d/t.conf'), `${[...jail, ...limits].join('\n')}\n`);
  const path = join(folder, 'app.log');
  const words = ['--config', join(folder, 'etc'), '--state', join(folder, 'state/state.json')];
  const output = join(folder, 'f2b.log');
  const args = [...program.slice(1), ...words, '--log', output, 'run'];
  const log = (): string => (existsSync(output) ? readFileSync(output, 'utf8') : '');
  return {
    folder,
    path,
    log,
    /** Lines `bad ADDRESS` of now. */
    fail: (count: number, from = 0, to = path): void => {
      const date = new Date().toISOString().slice(0, 19);
      let text = '';
      for (let at = from; at < from + count; at++) text += `${date}+00:00 bad 10.0.${at >> 8}.${at & 255}\n`;
      appendFileSync(to, text);
    },
    /** With at most so many descriptors. */
    start: async (descriptors = 1024): Promise<ChildProcess> => {
      const limited = ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, program[0], ...args];
      const child = spawn('/bin/sh', limited, { stdio: 'ignore' });
      children.push(child);
      await eventually('the daemon works', () => /Jail 't' started/.test(log()));
      return child;
    },
    once: () => spawnSync(program[0], [...args, '--once'], { encoding: 'utf8', timeout: 60_000 }),
    failed: (): number => {
      const path = join(folder, 'state/state.json');
      const read = existsSync(path) ? readState(readFileSync(path, 'utf8')) : null;
      return read?.kind === 'ok' ? (read.state.jails.get('t')?.totalFailed ?? 0) : 0;
    },
  };
}

describe('a log that is rotated by `cp log log.1; : > log`, always over the same log.1', () => {
  test('counts each failure once', async (t) => {
    const scene = makeScene(t);
    writeFileSync(scene.path, '');
    await scene.start();
    let written = 0;
    for (let rotation = 0; rotation < 5; rotation++) {
      for (let burst = 0; burst < 5; burst++) {
        scene.fail(30, written);
        written += 30;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      copyFileSync(scene.path, `${scene.path}.1`);
      truncateSync(scene.path, 0);
    }
    scene.fail(1, written);
    await eventually('all are counted', () => scene.failed() > written);
    assert.equal(scene.failed(), written + 1);
  });
});

describe('a file that opens and cannot be read', () => {
  test('ends a single pass with one message, and the other logs are read', (t) => {
    const scene = makeScene(t, '*.log');
    symlinkSync('/proc/self/mem', join(scene.folder, 'mem.log'));
    scene.fail(3);
    const { status, signal } = scene.once();
    assert.deepEqual([status, signal], [0, null]);
    assert.equal(scene.failed(), 3);
    assert.equal(scene.log().match(/cannot read .*mem\.log/g)?.length, 1, scene.log());
  });
});

describe('single passes with rotations between them', () => {
  for (const [ending, pack] of [
    ['gz', ['gzip', '-q']],
    ['zst', ['zstd', '-q', '--rm']],
    ['xz', ['xz', '-q']],
  ] as const) {
    test(`count what is in a .${ending} in another folder once`, { skip: unlessFound(pack[0]) }, (t) => {
      const scene = makeScene(t);
      mkdirSync(join(scene.folder, 'away'));
      scene.fail(1);
      scene.once();
      for (const day of [1, 2]) {
        scene.fail(10, day * 20);
        const away = join(scene.folder, `away/app.log-2026112${day}`);
        renameSync(scene.path, away);
        assert.equal(spawnSync(pack[0], [...pack.slice(1), away]).status, 0);
        scene.fail(5, day * 20 + 10);
      }
      scene.once();
      assert.equal(scene.failed(), 31, scene.log());
      scene.once();
      assert.equal(scene.failed(), 31, scene.log());
    });
  }
});

describe('more logs than descriptors', () => {
  const COUNT = 200;

  test('each failure counts once, also when all logs are rotated, and while the daemon is down', async (t) => {
    const scene = makeScene(t, 'log*.log');
    const paths = Array.from({ length: COUNT }, (_, at) => join(scene.folder, `log${at}.log`));
    for (const path of paths) writeFileSync(path, '');
    const counted = async (count: number): Promise<void> => {
      await eventually(`${count} are counted`, () => scene.failed() >= count);
      assert.equal(scene.failed(), count, scene.log());
    };
    const child = await scene.start(96);
    for (const [at, path] of paths.entries()) scene.fail(1, at, path);
    await counted(COUNT);
    for (const [at, path] of paths.entries()) {
      scene.fail(1, COUNT + at, path);
      renameSync(path, `${path}.1`);
      scene.fail(1, 2 * COUNT + at, path);
    }
    await counted(3 * COUNT);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    for (const [at, path] of paths.entries()) scene.fail(1, 3 * COUNT + at, path);
    await scene.start(96);
    await counted(4 * COUNT);
    assert.doesNotMatch(scene.log(), /ERROR|WARNING|EMFILE|is gone/);
  });
});
