import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerJson } from '../../src/filter/dockerjson.ts';

const entry = (log: string, more: object = {}): string =>
  JSON.stringify({ log, stream: 'stderr', time: '2026-11-20T04:12:09.123456789Z', ...more });
const time = Date.UTC(2026, 10, 20, 4, 12, 9) / 1000;

test('an entry is its line, with the time beside it', () => {
  const docker = new DockerJson();
  assert.deepEqual(docker.unwrap(entry('a "b" \u001b[1m\r\n')), { text: 'a "b" \u001b[1m', time });
  assert.deepEqual(docker.unwrap(entry('x\n', { attrs: { tag: 'web' } })), { text: 'x', time });
});

test('what is no entry stays: other keys, no time, broken JSON', () => {
  const docker = new DockerJson();
  for (const line of [
    entry('x\n', { level: 'info' }),
    '{"log":"x\\n"}',
    entry('x', { time: '' }),
    '{"log":"x',
  ])
    assert.equal(docker.unwrap(line), null, line);
});

test('the later pieces of a split line are left out: a client chooses where they begin', () => {
  const docker = new DockerJson();
  const texts = [
    entry('a'.repeat(16384)),
    entry('Failed password for root from 203.0.113.5'),
    entry('another stream\n', { stream: 'stdout' }),
    entry(' port 22\n'),
    entry('next\n'),
  ].map((line) => docker.unwrap(line)?.text);
  assert.deepEqual(texts.slice(1), ['', 'another stream', '', 'next']);
});

test('position() keeps the open streams over a restart; there is none between lines', () => {
  const docker = new DockerJson();
  assert.equal(docker.position(), null);
  docker.unwrap(entry('a'.repeat(16384)));
  const saved = docker.position();
  assert.deepEqual(saved, { kind: 'docker-json', open: ['stderr'] });
  const again = new DockerJson(saved);
  assert.equal(again.unwrap(entry('Failed password for root from 203.0.113.5\n'))?.text, '');
  assert.equal(again.unwrap(entry('next\n'))?.text, 'next');
  assert.equal(again.position(), null);
});

test('unwrapBatch() takes a whole batch, and leaves other logs alone', () => {
  const docker = new DockerJson();
  const batchOf = (text: string) => {
    const bytes = Buffer.from(text);
    return { bytes, start: 0, end: bytes.length, times: null, live: true };
  };
  const { bytes, times } = docker.unwrapBatch(batchOf(`${entry('a\n')}\nno entry\n${entry('b\n')}\n`));
  assert.equal(bytes.toString(), 'a\nno entry\nb\n');
  assert.deepEqual(times, [time, null, time]);
  const other = batchOf('Nov 20 04:12:09 host sshd[1]: {"log":"\n');
  assert.equal(docker.unwrapBatch(other), other);
});
