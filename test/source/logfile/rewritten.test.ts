import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { unlessFound } from '../../testbed/need.ts';
import { type Following, follow, makeFolder, until } from './following.ts';

/** Lines with a date each: some share their second, as those of an attack do. */
const dated = (from: number, to: number, word = 'fail'): string => {
  let text = '';
  for (let at = from; at < to; at++) {
    const second = new Date(1_795_000_000_000 + Math.floor(at / 4) * 1000).toISOString().slice(0, 19);
    text += `${second} ${word} 192.0.2.${at}\n`;
  }
  return text;
};

const dateOf = (line: string): number | null => {
  const date = Date.parse(`${line.slice(0, 19)}Z`);
  return Number.isNaN(date) ? null : date / 1000;
};

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  assert.equal(status, 0, stderr);
}

const sh = (script: string, path: string): void => run('sh', '-c', script, 'sh', path);

/** Waits until what a log gave has not changed over some looks at a file that nobody writes to any more. */
async function settled(log: Following): Promise<readonly string[]> {
  await until(
    () => log.source.status().lag === 0 && log.source.position()?.files.at(-1)?.offset !== 0,
    'the end',
  );
  return log.lines;
}

type Way = readonly [name: string, rewrite: (path: string) => void, skip?: string | false];

const WAYS: readonly Way[] = [
  ['sed -i that takes lines out', (path) => run('sed', '-i', '3,5d;/192.0.2.9$/d', path)],
  ['sed -i of the same length', (path) => run('sed', '-i', 's/fail 192.0.2.7$/FAIL 192.0.2.7/', path)],
  ['sed -i that changes every line', (path) => run('sed', '-i', 's/fail/failed login/', path)],
  ['sed -i that takes the last line out', (path) => run('sed', '-i', '$d', path)],
  ['sed -i that trims the beginning', (path) => run('sed', '-i', '1,20d', path)],
  [
    'vim that writes another file',
    (path) => run('vim', '-esNu', 'NONE', '+set backupcopy=no', '+2,6d', '+wq', path),
    unlessFound('vim'),
  ],
  [
    'vim that keeps a backup',
    (path) => run('vim', '-esNu', 'NONE', '+set backup backupcopy=no', '+2,6d', '+wq', path),
    unlessFound('vim'),
  ],
  [
    'vim that writes into the file',
    (path) => run('vim', '-esNu', 'NONE', '+set backupcopy=yes', '+2,6d', '+wq', path),
    unlessFound('vim'),
  ],
  [
    'an editor that writes into the file slowly',
    (path) =>
      sh(
        't=$(cat "$1"); : > "$1"; for l in 1 2 3; do sleep 0.1; done; printf "%s\\n" "$t" | sed 4d > "$1"',
        path,
      ),
  ],
  [
    'a script that keeps the last lines',
    (path) => sh('t=$(tail -n 12 "$1"); printf "%s\\n" "$t" > "$1"', path),
  ],
  [
    'a script that moves the log away and filters it',
    (path) => sh('mv "$1" "$1.bak"; grep -v "192.0.2.5" "$1.bak" > "$1"', path),
  ],
  [
    'rsync',
    (path) => sh('cp "$1" "$1.new"; sed -i 4d "$1.new"; rsync "$1.new" "$1"', path),
    unlessFound('rsync'),
  ],
  [
    'rsync --inplace',
    (path) => sh('cp "$1" "$1.new"; sed -i 4d "$1.new"; rsync --inplace "$1.new" "$1"', path),
    unlessFound('rsync'),
  ],
  ['cp over it', (path) => sh('sed 4d "$1" > "$1.new"; cp "$1.new" "$1"', path)],
];

for (const isLive of [true, false]) {
  describe(`a log written anew ${isLive ? 'under a reader' : 'between two runs'} gives no line twice, and what follows`, () => {
    for (const [name, rewrite, skip = false] of WAYS) {
      // Between two runs nothing tells such a file from another log: its first line is another one, too.
      if (!isLive && name.includes('every line')) continue;
      test(`by ${name}`, { skip }, async (t) => {
        const path = join(makeFolder(t), 'app.log');
        writeFileSync(path, dated(0, 40));
        const first = follow(t, path, { dateOf });
        await first.got(40);
        const position = { ...first.position(), seen: 1_795_000_009 };
        if (!isLive) first.close();
        rewrite(path);
        const log = isLive ? first : follow(t, path, { dateOf, position });
        if (isLive) await settled(log);
        appendFileSync(path, dated(40, 44, 'new'));
        await until(
          () => log.lines.filter((line) => line.includes('new')).length === 4,
          () => log.lines.join('\n'),
        );
        assert.deepEqual(log.lines.slice(isLive ? 40 : 0), dated(40, 44, 'new').trimEnd().split('\n'));
      });
    }
  });
}

test('what a service goes on writing to the file that sed -i took away is heard', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, dated(0, 40));
  const log = follow(t, path, { dateOf });
  await log.got(40);
  const fd = openSync(path, 'a');
  run('sed', '-i', '4d', path);
  writeSync(fd, dated(40, 42));
  const lines = await log.got(42);
  assert.deepEqual(lines.slice(40).join('\n'), dated(40, 42).trimEnd());
});

describe('a log that begins anew in the second of the last line is no log written anew', () => {
  for (const [name, rotate] of [
    ['emptied', (path) => truncateSync(path, 0)],
    [
      'copied and emptied',
      (path) => {
        copyFileSync(path, `${path}.1`);
        truncateSync(path, 0);
      },
    ],
    [
      'renamed',
      (path) => {
        renameSync(path, `${path}.1`);
        writeFileSync(path, '');
      },
    ],
    [
      'removed',
      (path) => {
        unlinkSync(path);
        writeFileSync(path, '');
      },
    ],
  ] as readonly (readonly [string, (path: string) => void])[]) {
    test(name, async (t) => {
      const path = join(makeFolder(t), 'app.log');
      const line = '2026-11-30T12:00:07 fail 192.0.2.1 with a line that is longer than sixty-four bytes\n';
      writeFileSync(path, `2026-11-30T12:00:05 start\n${line.repeat(6)}`);
      const log = follow(t, path, { dateOf });
      await log.got(7);
      rotate(path);
      appendFileSync(path, line.repeat(2));
      await log.got(9);
      assert.equal(readFileSync(path, 'utf8').length, line.length * 2);
    });
  }
});

test('a copy that was made over the copy before counts once, also with nothing seen in between', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, dated(0, 40));
  const log = follow(t, path, { dateOf });
  await log.got(40);
  for (let at = 40; at < 100; at += 20) {
    appendFileSync(path, dated(at, at + 20));
    copyFileSync(path, `${path}.1`);
    truncateSync(path, 0);
    appendFileSync(path, dated(at + 20, at + 21));
    await log.got(at + 21);
    truncateSync(path, 0);
    await until(() => log.position().files.at(-1)?.offset === 0, 'the empty file');
    at++;
  }
  // What is found behind a later line is handed out behind it.
  assert.deepEqual([...log.lines].sort(), dated(0, 103).trimEnd().split('\n').sort());
});

test('what was rotated away and then anonymised is not read again, its rest is', async (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, dated(0, 40));
  const log = follow(t, path, { dateOf });
  await log.got(40);
  const position = { ...log.position(), seen: 1_795_000_009 };
  log.close();
  appendFileSync(path, dated(40, 44));
  renameSync(path, `${path}.1`);
  writeFileSync(path, dated(44, 46));
  run('sed', '-i', 's/192.0.2.3$/x/;4d', `${path}.1`);
  const again = follow(t, path, { dateOf, position });
  await until(() => again.source.status().lag === 0, 'the end');
  assert.equal(again.lines.join('\n'), dated(40, 46).trimEnd());
});
