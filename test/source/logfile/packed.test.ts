import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { findProgram, unlessFound } from '../../testbed/need.ts';
import { drain, follow, makeFolder, numbered } from './following.ts';

/** A log of which a hundred lines were read by a pass that is over. */
function readLog(t: TestContext) {
  const folder = makeFolder(t);
  const path = join(folder, 'log', 'app.log');
  mkdirSync(join(folder, 'log'));
  writeFileSync(path, numbered(0, 100));
  const first = follow(t, path);
  drain(first.source, first.lines);
  const position = first.position();
  first.close();
  const pass = (from: typeof position) => {
    const log = follow(t, path, { position: from });
    drain(log.source, log.lines);
    const after = log.position();
    log.close();
    return { ...log, after, status: log.source.status() };
  };
  return { folder, path, position, pass };
}

/** Days of logrotate as it is: a configuration and a state of the test's own. */
function makeLogrotate(folder: string, path: string, directives: readonly string[]): () => void {
  const config = join(folder, 'rotate.conf');
  const lines = ['su root root', 'rotate 9', 'missingok', ...directives].map((one) => `  ${one}\n`).join('');
  writeFileSync(config, `${path} {\n${lines}}\n`, { mode: 0o644 });
  const logrotate = findProgram('logrotate') ?? '';
  return () => {
    execFileSync(logrotate, ['-f', '-s', join(folder, 'status'), config], { stdio: 'pipe' });
  };
}

const unlessLogrotate = process.getuid?.() === 0 ? unlessFound('logrotate') : 'not root';

describe('rotated by logrotate between two passes: every line comes once', { skip: unlessLogrotate }, () => {
  const ways: readonly (readonly [name: string, directives: readonly string[], program?: string])[] = [
    ['create', ['create']],
    ['olddir', ['create', 'olddir elsewhere', 'createolddir 755 root root']],
    ['compress', ['create', 'compress']],
    ['delaycompress', ['create', 'compress', 'delaycompress']],
    [
      'dateext, compress, olddir',
      ['create', 'dateext', 'dateformat -%Y%m%d-%s', 'compress', 'olddir x', 'createolddir 755'],
    ],
    ['copytruncate', ['copytruncate']],
    ['copytruncate, compress', ['copytruncate', 'compress']],
    [
      'zstd',
      ['create', 'compress', 'compresscmd /usr/bin/zstd', 'compressext .zst', 'compressoptions -q --rm'],
      'zstd',
    ],
    ['xz', ['create', 'compress', 'compresscmd /usr/bin/xz', 'compressext .xz'], 'xz'],
    ['bzip2', ['create', 'compress', 'compresscmd /usr/bin/bzip2', 'compressext .bz2'], 'bzip2'],
  ];
  for (const [name, directives, program] of ways) {
    test(name, { skip: program === undefined ? false : unlessFound(program) }, (t) => {
      const { folder, path, position, pass } = readLog(t);
      const rotate = makeLogrotate(folder, path, directives);
      let [from, written] = [position, 100];
      const lines: string[] = [];
      for (const rotations of [1, 2, 0, 1]) {
        for (let at = 0; at < rotations; at++, written += 10) {
          appendFileSync(path, numbered(written, written + 10));
          rotate();
          // dateext by the second: the next one is another.
          if (name.startsWith('dateext')) execFileSync('sleep', ['1.1']);
        }
        appendFileSync(path, numbered(written, written + 5));
        written += 5;
        const { lines: got, after, said } = pass(from);
        lines.push(...got);
        assert.equal(
          lines.join('\n'),
          numbered(100, written).trimEnd(),
          `${said}\n${readdirSync(join(path, '..'))}`,
        );
        from = after;
      }
    });
  }
});

test('a pass that was killed in the middle of an unpacked file goes on there', (t) => {
  const { path, position } = readLog(t);
  unlinkSync(path);
  writeFileSync(`${path}.2.gz`, gzipSync(numbered(0, 1000)));
  writeFileSync(`${path}.1.gz`, gzipSync(numbered(1000, 2000)));
  writeFileSync(path, numbered(2000, 2100));
  const lines: string[] = [];
  let from = position;
  for (let pass = 0; pass < 100; pass++) {
    const log = follow(t, path, { position: from, onReady: () => {} });
    const batch = log.source.read(2048);
    if (batch !== null && batch.end > batch.start)
      lines.push(...batch.bytes.toString('utf8', batch.start, batch.end - 1).split('\n'));
    from = log.position();
    log.close();
  }
  assert.equal(lines.join('\n'), numbered(100, 2100).trimEnd());
});

test('what cannot be unpacked is said with the bytes that it may hold, and the new log is read', (t) => {
  const { path, position, pass } = readLog(t);
  unlinkSync(path);
  const packed = gzipSync(numbered(0, 110));
  packed.writeUInt8(0xff, 20);
  writeFileSync(`${path}.1.gz`, packed);
  writeFileSync(path, numbered(110, 120));
  const { lines, status, said } = pass(position);
  assert.equal(lines.join('\n'), numbered(110, 120).trimEnd());
  assert.equal(status.lostFiles, 1);
  const rest = numbered(100, 110).length;
  assert.match(
    said.join(),
    new RegExp(`app\\.log\\.1\\.gz may hold the ${rest} bytes behind that, but it cannot be unpacked`),
  );
});

test('a log that is gone without a trace is said, and nothing stays in the temporary folder', (t) => {
  const { path, position, pass } = readLog(t);
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('f2b-log-')).length;
  const before = left();
  unlinkSync(path);
  writeFileSync(`${path}.1.gz`, gzipSync(numbered(500, 600)));
  renameSync(`${path}.1.gz`, `${path}.2.gz`);
  writeFileSync(path, numbered(110, 120));
  const { lines, said } = pass(position);
  assert.equal(lines.join('\n'), numbered(500, 600) + numbered(110, 120).trimEnd());
  assert.match(said.join(), /read up to byte 1400 is gone; what it held behind that is lost/);
  assert.ok(left() <= before);
});
