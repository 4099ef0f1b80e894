import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { compileJails } from '../../src/daemon/jails.ts';
import { LogReader } from '../../src/daemon/reader.ts';
import { readPosition } from '../../src/source/open.ts';
import type { Positions } from '../../src/state/state.ts';
import { makeFolder, until } from '../source/logfile/following.ts';

const NOW = 1_795_224_000;
const stamp = (at: number): string => `${new Date(at * 1000).toISOString().slice(0, 19)}+00:00`;
const fail = (id: string, at = NOW): string => `${stamp(at)} fail ${id}\n`;

/** A reader of jails that differ in what is given; `failures` are `jail address`. */
function read(t: TestContext, jails: Record<string, string>, positions: Positions = new Map()) {
  const failures: string[] = [];
  const said: string[] = [];
  const sections = Object.entries(jails).map(([name, lines]) => `[${name}]\nenabled = true\n${lines}\n`);
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>$\n'],
    ['filter.d/boxed.conf', '[Definition]\nwrapping = docker-json\nfailregex = ^fail <HOST>$\n'],
    ['jail.conf', `[DEFAULT]\nfilter = app\nbanaction = dummy\n${sections.join('')}`],
  ]);
  const { jails: running, problems } = compileJails(loadConfig(memoryTree(files)).jails);
  assert.deepEqual(problems, []);
  const reader = new LogReader(
    running,
    { pollMs: 1000, positions },
    {
      say: (level, text) => said.push(`${level}: ${text}`),
      onReady: () => {},
      onFailure: ({ jail }, { id }) => failures.push(`${jail.name} ${id}`),
      countPlain: ({ jail }, ip) => failures.push(`${jail.name} ${formatIp4(ip)}`) > 0,
      onTimeWarning: (_, source, { kind }) => said.push(`${source}: ${kind}`),
      now: () => NOW,
    },
  );
  t.after(() => reader.close());
  /** Reads until there are so many failures, or as many as there are. */
  const drain = async (count: number): Promise<string[]> => {
    const isDone = (): boolean => {
      while (reader.step());
      return failures.length >= count && reader.isCaughtUp;
    };
    await until(isDone, () => `${count} failures, got ${failures}`);
    return failures;
  };
  return { reader, drain, said };
}

const saved = (reader: LogReader): Positions => {
  const json = JSON.parse(JSON.stringify(Object.fromEntries(reader.positions())));
  return new Map(Object.keys(json).map((key) => [key, readPosition(json[key]) ?? assert.fail(key)]));
};

test('every jail of a file gets its failures, and a restart goes on where it was, over a rotation', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, fail('192.0.2.1'));
  const jails = { a: `logpath = ${path}`, b: `logpath = ${path}` };
  const first = read(t, jails);
  assert.deepEqual((await first.drain(2)).sort(), ['a 192.0.2.1', 'b 192.0.2.1']);
  assert.ok(first.reader.isCaughtUp);
  const positions = saved(first.reader);
  first.reader.close();
  appendFileSync(path, fail('192.0.2.2'));
  renameSync(path, `${path}.1`);
  writeFileSync(path, fail('2001:db8::3'));
  const second = read(t, jails, positions);
  const wanted = ['a 192.0.2.2', 'a 2001:db8::3', 'b 192.0.2.2', 'b 2001:db8::3'];
  assert.deepEqual((await second.drain(4)).sort(), wanted);
});

test('a jail that begins at the tail hears nothing of what stood there, another one does', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, fail('192.0.2.1'));
  const { drain } = read(t, { head: `logpath = ${path} head`, tail: `logpath = ${path} tail` });
  assert.deepEqual(await drain(1), ['head 192.0.2.1']);
  appendFileSync(path, fail('192.0.2.2'));
  assert.deepEqual((await drain(3)).slice(1).sort(), ['head 192.0.2.2', 'tail 192.0.2.2']);
});

test('health() tells of each source what each of its jails made of the lines', async (t) => {
  const folder = makeFolder(t);
  const [one, two] = [join(folder, 'one.log'), join(folder, 'two.log')];
  writeFileSync(one, fail('192.0.2.1', NOW - 5));
  writeFileSync(two, '');
  const { reader, drain } = read(t, { a: `logpath = ${one}`, b: `logpath = ${one}\n  ${two}` });
  await drain(2);
  const health = reader.health();
  assert.deepEqual([...health.keys()], [one, two]);
  const seen = { lastMatch: NOW - 5, sampled: 1, dated: 1, prefixed: null, stuck: [] };
  assert.deepEqual(health.get(one)?.jails, { a: seen, b: seen });
  assert.equal(health.get(one)?.bytes, readFileSync(one).length);
  assert.deepEqual(health.get(two)?.jails, { b: { ...seen, lastMatch: null, sampled: 0, dated: 0 } });
});

test('which file is followed is told once, and where reading begins', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, fail('192.0.2.1'));
  const { drain, said } = read(t, { a: `logpath = ${path} head`, b: `logpath = ${path} head` });
  await drain(2);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', new RegExp(`^info: Added logfile: '${path}' \\(pos = 0, hash = `));
});

test("a restart inside a split line of Docker's does not take its next piece for a line", async (t) => {
  const path = join(makeFolder(t), 'x-json.log');
  const entry = (log: string): string =>
    `${JSON.stringify({ log, stream: 'stderr', time: new Date(NOW * 1000).toISOString() })}\n`;
  const jails = { a: `filter = boxed\nlogpath = ${path}` };
  writeFileSync(path, entry('fail 192.0.2.1\n') + entry('x'.repeat(16384)));
  const first = read(t, jails);
  assert.deepEqual(await first.drain(1), ['a 192.0.2.1']);
  const positions = saved(first.reader);
  first.reader.close();
  // Saved again before anything of it was read.
  const idle = read(t, jails, positions);
  await idle.drain(0);
  const kept = saved(idle.reader);
  idle.reader.close();
  appendFileSync(path, entry('fail 203.0.113.5\n') + entry('fail 192.0.2.2\n'));
  const second = read(t, jails, kept);
  assert.deepEqual(await second.drain(1), ['a 192.0.2.2']);
  assert.deepEqual([...saved(second.reader).keys()], [path]);
});
