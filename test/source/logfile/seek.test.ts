import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { seekSince } from '../../../src/source/logfile/seek.ts';
import { drain, follow, makeFolder } from './following.ts';

describe('the first start', () => {
  const dateOf = (line: string): number | null => {
    const found = /^(\d+) /.exec(line);
    return found === null ? null : Number(found[1]);
  };

  test('catches up from the given time by halving, not from the start', (t) => {
    const path = join(makeFolder(t), 'app.log');
    const parts: string[] = [];
    for (let at = 0; at < 200_000; at++) parts.push(`${1_000_000 + at} user ${at} came\n\tundated\n`);
    writeFileSync(path, parts.join(''));
    let asked = 0;
    const counting = (line: string): number | null => {
      asked++;
      return dateOf(line);
    };
    const log = follow(t, path, { start: 'catchup', since: 1_199_000, dateOf: counting });
    const lines = drain(log.source);
    assert.equal(lines[0], '1198940 user 198940 came');
    assert.equal(lines.length, 2 * (200_000 - 198_940));
    assert.ok(asked < 10_000, `${asked} dates were read`);
  });

  test('catching up is not live, what comes after it is', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '100 a\n200 b\n');
    const log = follow(t, path, { start: 'catchup', since: 200, dateOf });
    const first = log.source.read(65536);
    assert.equal(first?.live, false);
    drain(log.source);
    appendFileSync(path, '300 c\n');
    assert.equal(log.source.read(65536)?.live, true);
  });

  test('a log without dates is begun at its end, except its unfinished line', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, 'a\nb\nunfin');
    const log = follow(t, path, { start: 'catchup', since: 1, dateOf: () => null });
    assert.deepEqual(drain(log.source), []);
    appendFileSync(path, 'ished\n');
    assert.deepEqual(drain(log.source), ['unfinished']);
  });

  test('head reads it all, tail none of it', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '100 a\n');
    assert.deepEqual(drain(follow(t, path, { start: 'head', since: 900, dateOf }).source), ['100 a']);
    assert.deepEqual(drain(follow(t, path, { start: 'tail', since: 0, dateOf }).source), []);
  });

  test('after a long pause a large backlog is searched, too', (t) => {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, '1 begin\n');
    const first = follow(t, path, { dateOf });
    drain(first.source);
    const position = first.position();
    first.close();
    const filler = 'x'.repeat(990);
    const parts: string[] = [];
    for (let at = 2; at < 20_000; at++) parts.push(`${at} ${filler}\n`);
    appendFileSync(path, parts.join(''));
    const second = follow(t, path, { position, since: 19_000, dateOf });
    const lines = drain(second.source);
    assert.equal(lines[0]?.slice(0, 6), '18940 ');
    assert.equal(lines.length, 20_000 - 18_940);
  });
});

test('seekSince() finds the first line of that time, a minute early; null where no line has a date', (t) => {
  const path = join(makeFolder(t), 'app.log');
  const lines = Array.from({ length: 30_000 }, (_, at) => `${at} something happened\n`);
  writeFileSync(path, lines.join(''));
  const fd = openSync(path, 'r');
  t.after(() => closeSync(fd));
  const size = Buffer.byteLength(lines.join(''));
  const since = (time: number) => seekSince(fd, [0, size], time, (line) => Number(line.split(' ')[0]));
  assert.equal(since(20_000), Buffer.byteLength(lines.slice(0, 19_940).join('')));
  assert.equal(since(0), 0);
  assert.equal(since(90_000), size);
  assert.equal(
    seekSince(fd, [0, size], 5, () => null),
    null,
  );
});

test('seekSince() finds dates behind a line of any length, and between such lines', (t) => {
  const dateOf = (line: string): number | null => (/^\d+ a$/.test(line) ? Number.parseInt(line, 10) : null);
  const long = `${'9'.repeat(1_000_000)}\n`;
  for (const text of [`${long}100 a\n200 a\n`, `${long}100 a\n${long}`, `100 a\n${long}`]) {
    const path = join(makeFolder(t), 'app.log');
    writeFileSync(path, text);
    const fd = openSync(path, 'r');
    assert.equal(seekSince(fd, [0, text.length], 100, dateOf), 0, text.slice(0, 9));
    closeSync(fd);
  }
});
