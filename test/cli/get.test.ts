import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { get } from '../../src/cli/get.ts';

/** What `f2b get web WHAT` prints for a jail with these options. */
async function answer(options: string, what: string, json = false): Promise<string> {
  const config = mkdtempSync(join(tmpdir(), 'f2b-get-'));
  try {
    mkdirSync(join(config, 'jail.d'));
    const head = '[web]\nenabled = true\nfilter =\nfailregex = ^<HOST> x$\nlogpath = /l\n';
    writeFileSync(join(config, 'jail.d/web.conf'), head + options);
    let out = '';
    await get.run({
      words: ['web', what],
      options: {},
      global: {
        config,
        state: join(config, 'no-state.json'),
        log: null,
        dryRun: false,
        json,
        rawOutput: false,
      },
      io: {
        stdout: (text) => {
          out += text;
        },
        stderr: () => undefined,
        stdin: Readable.from([]),
        env: {},
        now: () => 1000,
      },
    });
    return out;
  } finally {
    rmSync(config, { recursive: true });
  }
}

test('get tells times in seconds and lists a line each', async () => {
  assert.equal(await answer('findtime = 1h\n', 'FindTime'), '3600\n');
  assert.equal(await answer('bantime = -1\n', 'bantime', true), '-1\n');
  assert.equal(await answer('ignoreip = ::1 192.0.2.0/24\n', 'ignoreip'), '::1\n192.0.2.0/24\n');
});

test('get tells an option as it is written, or its default', async () => {
  assert.equal(await answer('bantime.maxtime = 5w\n', 'bantime.maxtime'), '5w\n');
  assert.equal(await answer('', 'ipv6prefix'), '64\n');
  assert.equal(await answer('', 'rollup'), '\n');
});

test('get refuses what is no option, with the one that is meant', async () => {
  await assert.rejects(
    answer('', 'findtme'),
    new UsageError('cannot show "findtme"', 'did you mean "findtime"?'),
  );
});
