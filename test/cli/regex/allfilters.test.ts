import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { tryAllFilters } from '../../../src/cli/regex/allfilters.ts';
import { openInput } from '../../../src/cli/regex/lines.ts';
import { readWish } from '../../../src/cli/regex/options.ts';
import { memoryTree } from '../../../src/config/tree.ts';

const TREE = memoryTree(
  new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^ app: bad <HOST>$\n'],
    ['filter.d/web.conf', '[Definition]\nfailregex = ^ (?:app|web): bad <HOST>$\n'],
    ['filter.d/other.conf', '[Definition]\nfailregex = ^ other <HOST>$\n'],
    ['filter.d/part.conf', '[DEFAULT]\nx = 1\n'],
    ['filter.d/broken.conf', '[Definition]\nfailregex = (<HOST>\n'],
    ['jail.conf', '[one]\nfilter = app[x=1]\nenabled = true\nlogpath = x\n[two]\nfilter = app\n'],
  ]),
);
const LOG = [
  '2026-11-20 10:00:00 app: bad 192.0.2.1',
  '2026-11-20 10:00:01 web: bad 192.0.2.2',
  '2026-11-20 10:00:02 web: bad 2001:db8::1',
  '# 2026-11-20 10:00:02 web: bad 192.0.2.9',
  '2026-11-20 10:00:03 web: fine',
  'Mär 20 10:00:04 web: bad 192.0.2.7',
].join('\n');

async function tried(json: boolean, tree = TREE, log = LOG): Promise<string> {
  let out = '';
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    ...{
      stderr: () => undefined,
      stdin: Readable.from([]),
      env: {},
      now: () => Date.UTC(2026, 10, 21) / 1000,
    },
  };
  const global = { config: null, state: null, log: null, dryRun: false, json, rawOutput: false };
  const wish = readWish({ words: [], options: {}, global, io });
  const options = { encoding: null, journalmatch: [], maxlines: 1, stdin: Readable.from([log]) };
  const input = openInput('-', options);
  await tryAllFilters({ tree, input, backend: 'auto', wish, io, isTerminal: false });
  return out;
}

test('tryAllFilters() says which filters match how many lines, and which jails use them', async () => {
  const report = await tried(false);
  assert.match(report, /Use {10}filters : 3 of embedded/);
  const rows = report.split('\n').filter((line) => /^\| +\d/.test(line));
  assert.deepEqual(
    rows.map((row) => row.replace(/ +/g, ' ')),
    ['| 3 3 web no jail', '| 1 1 app jail one, enabled; jail two'],
  );
  assert.match(report, /No date was found in 1 line, first:\n\| {2}Mär 20 /);
  assert.match(report, /\nwrapping: the service's own log\nLines: 5 lines\n$/);
});

test('tryAllFilters() prints one JSON object with --json', async () => {
  const { lines, filters } = JSON.parse(await tried(true));
  assert.deepEqual([lines, filters.length, filters[0].filter, filters[0].lines], [5, 2, 'web', 3]);
});

test("tryAllFilters() reads Docker's json-file for the filters that name it, as the daemon does", async () => {
  const tree = memoryTree(
    new Map([
      ['filter.d/in.conf', '[Definition]\nwrapping = file docker-json\nfailregex = ^bad <HOST>$\n'],
      ['filter.d/out.conf', '[Definition]\nfailregex = "log":"bad <HOST>.n"\n'],
    ]),
  );
  const entry = (log: string): string =>
    JSON.stringify({ log, stream: 'stderr', time: '2026-11-20T10:00:00Z' });
  const report = await tried(false, tree, [entry('bad 192.0.2.1\n'), entry('fine\n')].join('\n'));
  const rows = report.split('\n').filter((line) => /^\| +\d/.test(line));
  assert.deepEqual(
    rows.map((row) => row.replace(/ +/g, ' ')),
    ['| 1 1 in no jail', '| 1 1 out no jail'],
  );
  assert.match(report, /\nwrapping: Docker's json-file\nLines: 2 lines\n$/);
});
