/**
 * One judgement, whoever asks: what a line shows does not depend on the lines before it, nor on whether the daemon reads it, `f2b regex`
 * surveys its file, or `f2b regex` tells each line.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { type ConfigTree, diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { Engine } from '../../src/filter/engine.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import { PerLine } from '../../src/filter/perline.ts';
import type { Filter, LineOutcome, Survey } from '../../src/filter/types.ts';
import { dice } from '../testbed/dice.ts';
import { damaged, pick } from '../testbed/mutate.ts';
import { isLong } from '../testbed/need.ts';

const ROOT = join(import.meta.dirname, '../..');
const STOCK = '/etc/fail2ban';
const STOCK_LOGS = '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs';
const NOW = Date.UTC(2026, 10, 30, 12) / 1000;
/** Lines of each filter. */
const COUNT = isLong ? 5000 : 300;
/** Longer ones may take too long, which depends on the machine. */
const LONGEST = 2000;

type Material = { readonly filter: Filter; readonly lines: readonly string[] };

function materialOf(tree: ConfigTree, folder: string): Material[] {
  if (!existsSync(folder) || !existsSync(join(tree.name, 'filter.d'))) return [];
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (file) => file.isFile() && !file.name.endsWith('.ts'),
  );
  return files.flatMap(({ name: file }): Material[] => {
    const loaded = loadFilter(tree, file.replace(/\.log$/, ''), { backend: 'auto' });
    const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, []);
    const lines = readFileSync(join(folder, file), 'latin1').split('\n');
    const wanted = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return filter === null || filter.maxlines > 1 || wanted.length === 0 ? [] : [{ filter, lines: wanted }];
  });
}

const all = [
  ...materialOf(diskTree(ROOT), join(ROOT, 'test/samples')),
  ...materialOf(diskTree(STOCK), STOCK_LOGS),
];
const everyLine = all.flatMap(({ lines }) => lines.slice(0, 5));

const idsOf = ({ failures }: LineOutcome): string => failures.map(({ id }) => id).join(' ');

function workerOf(filter: Filter) {
  return { jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
}

function batchOf(lines: readonly string[]) {
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  return { bytes, start: 0, end: bytes.length, times: null, live: true };
}

/** By the daemon's engine, so many lines at a time. */
function byDaemon(filter: Filter, lines: readonly string[], size: number): readonly string[] {
  const engine = new Engine([workerOf(filter)], () => undefined);
  const found: string[] = [];
  for (let at = 0; at < lines.length; at += size) {
    const ids: string[] = [];
    for (const { outcome, ip } of engine.run(batchOf(lines.slice(at, at + size)), NOW))
      ids.push(outcome === null ? formatIp4(ip) : idsOf(outcome));
    found.push(ids.filter((id) => id !== '').join(' '));
  }
  return found;
}

/** As `f2b regex` takes a whole file. */
function bySurvey(filter: Filter, lines: readonly string[]): string {
  const found: string[] = [];
  const survey: Survey = {
    checkAll: false,
    isComment: () => false,
    decode: (bytes) => Buffer.from(bytes).toString(),
    onShort: (verdict, { ip }) => {
      if (verdict === 'matched') found.push(formatIp4(ip));
    },
    onLong: (outcome) => {
      if (outcome.failures.length > 0) found.push(idsOf(outcome));
    },
    onPrefixed: () => undefined,
  };
  new Engine([workerOf(filter)], () => undefined, survey).run(batchOf(lines), NOW);
  return found.join(' ');
}

/** As `f2b regex -o id` does. */
function byLine(filter: Filter, lines: readonly string[]): readonly string[] {
  const course = { filter, state: newFilterState(filter), checkAll: false, now: NOW };
  const perLine = new PerLine({ ...course, onStuck: () => undefined });
  const numbered = lines.map((text, i) => ({ number: i + 1, line: { text, time: null } }));
  return perLine.run(numbered).map(({ outcome }) => idsOf(outcome));
}

function hasSessions({ prefregex, failregex }: Filter): boolean {
  return [prefregex, ...failregex].some((one) => one?.regex.fields.has('mlfid') === true);
}

test('law: the daemon, a surveyed file and each line by itself show the same ids', (t) => {
  let count = 0;
  for (const { filter, lines } of all) {
    const roll = dice(isLong ? Date.now() % 100_000 : 7);
    const texts: string[] = [];
    while (texts.length < COUNT) {
      const line = pick(roll, lines) ?? '';
      const text = (roll(3) === 0 ? line : damaged(roll, line, everyLine)).replace(/[\n\r]/g, ' ');
      const read = Buffer.from(text).toString();
      if (read !== '' && read.length < LONGEST) texts.push(read);
    }
    const told = byLine(filter, texts);
    const single = byDaemon(filter, texts, 1);
    for (const [i, text] of texts.entries()) {
      assert.equal(single[i], told[i], `${filter.name}, daemon against regex: ${JSON.stringify(text)}`);
      if (hasSessions(filter)) continue;
      const options = { mode: 'test', findtime: 600, now: NOW } as const;
      const alone = processLine(filter, newFilterState(filter), { text, time: null }, options);
      assert.equal(
        idsOf(alone),
        told[i],
        `${filter.name}, alone against behind others: ${JSON.stringify(text)}`,
      );
    }
    const whole = told.filter((ids) => ids !== '').join(' ');
    assert.equal(byDaemon(filter, texts, COUNT)[0], whole, `${filter.name}, daemon, all lines at once`);
    assert.equal(bySurvey(filter, texts), whole, `${filter.name}, surveyed`);
    count += texts.length;
  }
  t.diagnostic(`${count} lines of ${all.length} filters`);
});

test('a line with a broken zone costs no line behind it', () => {
  const loaded = loadFilter(diskTree(ROOT), 'flask-auth', { backend: 'auto' });
  const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'no', logtimezone: 'UTC' }, []);
  assert.ok(filter !== null);
  const good = (i: number): string =>
    `192.0.2.${i + 1} - - [30/Nov/2026:11:59:${10 + i} +0000] "GET /admin HTTP/1.1" 401 -`;
  const wanted = Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 1}`).join(' ');
  const access = (date: string): string => `192.0.2.99 - - [${date}] "GET /admin HTTP/1.1" 200 -`;
  const broken = [
    ...['+9999', '+99', 'PST8', '+00:0', 'X', '', '+000', '-'].map((zone) => `30/Nov/2026:11:59:09 ${zone}`),
    ...['31/Nov/2026:11:59:09 +0000', '30/Nov/2026:11:59:61 +0000', '30/Nov/2126:11:59:09 +0000'],
  ].map(access);
  const strange = [
    '\0\0\0\0 12:00:00',
    '# 30/Nov/2026:11:59:09 a comment',
    `${'\u4e2d'.repeat(9)} 2026-11-30 11:59:09`,
    '\udc80\udcff 30/Nov/2026:11:59:09',
    `${'1124013600 '.repeat(5900)}`,
    '2099-01-01 00:00:00 192.0.2.99 far in the future',
    '@4000000042ff0000aabbccdd x',
    '1124013600 x',
  ];
  for (const bad of [...broken, ...strange]) {
    const lines = [good(0), bad, ...Array.from({ length: 19 }, (_, i) => good(i + 1))];
    const [seen] = byDaemon(filter, lines, lines.length);
    assert.equal(seen, wanted, JSON.stringify(bad.slice(0, 100)));
    assert.equal(bySurvey(filter, lines), wanted, JSON.stringify(bad.slice(0, 100)));
  }
});
