import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Host } from '../../../src/cli/install/host.ts';

test('with --dry-run the commands are printed: to standard output, with --json to standard error', async () => {
  const shared = { config: null, state: null, log: null, dryRun: true, rawOutput: false };
  for (const json of [false, true]) {
    const texts: string[] = [];
    const io = {
      stdout: (text: string) => void texts.push(`1 ${text}`),
      stderr: (text: string) => void texts.push(`2 ${text}`),
      ...{ stdin: Readable.from([]), env: {}, now: () => 0 },
    };
    await new Host({ global: { ...shared, json }, io }, 'f2b').change('systemctl', 'daemon-reload');
    assert.deepEqual(texts, [`${json ? 2 : 1} systemctl daemon-reload\n`]);
  }
});
