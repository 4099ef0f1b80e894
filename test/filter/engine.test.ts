import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { type ConfigTree, diskTree } from '../../src/config/tree.ts';
import { compileFilter, needsEveryLine } from '../../src/filter/compile.ts';
import { Engine, type Result, type Stuck } from '../../src/filter/engine.ts';
import { Dispatch } from '../../src/filter/fast/dispatch.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import { compileFailregex } from '../../src/filter/regex/failregex.ts';
import type { Filter, LineOutcome } from '../../src/filter/types.ts';

let seed = 5;
const random = (below: number): number => {
  seed = (seed * 48271) % 2147483647;
  return seed % below;
};
const word = (letters: string, length: number): string =>
  Array.from({ length }, () => letters[random(letters.length)]).join('');

/** Every filter of a tree with the lines of its sample log, and some of the other lines among them. */
function streams(tree: ConfigTree, logs: string): { filter: Filter; lines: string[] }[] {
  const names = readdirSync(logs).map((file) => file.replace(/\.log$/, ''));
  const all = names.flatMap((name) => {
    const file = [join(logs, name), join(logs, `${name}.log`)].find(
      (path) => existsSync(path) && statSync(path).isFile(),
    );
    const loaded = loadFilter(tree, name, { backend: 'auto' });
    if (file === undefined || loaded.filter === null) return [];
    const filter = compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, []);
    const lines = readFileSync(file, 'latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    return filter === null || needsEveryLine(filter) ? [] : [{ filter, lines }];
  });
  const foreign = all.flatMap(({ lines }) => lines.slice(0, 3));
  return all.flatMap(({ filter, lines }) => [
    { filter, lines: lines.flatMap((line) => [line, foreign[random(foreign.length)] ?? '']) },
    // A damaged date changes what fail2ban expects of the next line's, so lines that cannot match would make a difference.
    { filter, lines: candidatesOf(filter, mixed(lines, foreign)) },
  ]);
}

/** The lines that hold what the filter cannot do without. */
function candidatesOf(filter: Filter, lines: readonly string[]): string[] {
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const found: string[] = [];
  const dispatch = new Dispatch([filter], { all: false });
  dispatch.eachLine(bytes, 0, bytes.length, (start, end) => found.push(bytes.toString('utf8', start, end)));
  return found;
}

/** The lines, damaged copies of them, and foreign ones. */
function mixed(lines: readonly string[], foreign: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const at = random(line.length + 1);
    const damaged = line.slice(0, at) + word('aZ 0.:[]"\u00e9\u2028', random(4)) + line.slice(at + random(3));
    return [line, foreign[random(foreign.length)] ?? '', damaged];
  });
}

const summary = (outcomes: readonly LineOutcome[]): string[] =>
  outcomes.flatMap(({ failures }) => failures.map(({ id, time }) => `${id} ${time}`));

type Named = { readonly id: string; readonly time: number | null };

/** The failures of a result, whichever way the line went. */
const namesOf = ({ outcome, ip, time }: Result): readonly Named[] =>
  outcome === null ? [{ id: formatIp4(ip), time }] : outcome.failures;

for (const [title, tree, logs] of [
  [
    'the shipped filters',
    diskTree(join(import.meta.dirname, '../..')),
    join(import.meta.dirname, '../samples'),
  ],
  [
    "fail2ban's filters",
    diskTree('/etc/fail2ban'),
    '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs',
  ],
] as const) {
  const skip =
    existsSync(logs) && existsSync(join(tree.name, 'filter.d')) ? false : 'fail2ban is not installed';
  test(`the engine answers what every line by itself would: ${title}`, { skip }, (t) => {
    const now = Date.UTC(2005, 7, 14, 10) / 1000;
    let count = 0;
    let failures = 0;
    const all = streams(tree, logs);
    for (const { filter, lines } of all) {
      const state = newFilterState(filter);
      const options = { mode: 'live', findtime: 600, now } as const;
      const wanted = lines.map((text) => processLine(filter, state, { text, time: null }, options));
      const worker = { jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
      const engine = new Engine([worker], () => assert.fail('stuck'));
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      const batch = { bytes, start: 0, end: bytes.length, times: null, live: true };
      const got = [...engine.run(batch, now)].flatMap(namesOf);
      assert.deepEqual(
        got.map(({ id, time }) => `${id} ${time}`),
        summary(wanted),
        filter.name,
      );
      count += lines.length;
      failures += summary(wanted).length;
    }
    assert.ok(failures > 0);
    t.diagnostic(`${all.length} filters, ${count} lines, ${failures} failures`);
  });
}

const place = { file: 'test', line: 1 };
function filterOf(...failregex: string[]): Filter {
  const filter = compileFilter(
    {
      name: 'test',
      prefregex: null,
      failregex: failregex.map((text) => ({ text, place })),
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    },
    { usedns: 'no', logtimezone: null },
    [],
  );
  assert.ok(filter !== null);
  return filter;
}

test('a regex without end is skipped on its line, told, and put into quarantine; all others get their due', () => {
  // The look-ahead keeps V8's linear engine away, should it be on.
  const evil = filterOf('^evil (?=a)(?:a+)+\\s+from <HOST>$', '^evil .* but from <HOST>$');
  const good = filterOf('^good from <HOST>$');
  const workers = [evil, good].map((filter, i) => ({
    jail: `jail${i}`,
    filter,
    state: newFilterState(filter),
    findtime: 600,
    keepsFields: false,
  }));
  const stuck: Stuck[] = [];
  const engine = new Engine(workers, (one) => stuck.push(one));
  const attack = `evil ${'a'.repeat(60)} but from 192.0.2.1`;
  const lines = [1, 2, 3, 4, 5].flatMap((n) => [`good from 192.0.2.1${n}`, attack]);
  const bytes = Buffer.from(`${lines.join('\n')}\ngood from 192.0.2.20\n`);
  const results = [...engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, 1000)];
  const ids = results.flatMap((one) => namesOf(one).map(({ id }) => `${one.worker} ${id}`));
  const wanted = [1, 2, 3, 4, 5].flatMap((n) => [`1 192.0.2.1${n}`, '0 192.0.2.1']);
  assert.deepEqual(ids, [...wanted, '1 192.0.2.20']);
  assert.deepEqual(
    stuck.map(({ regex, from }) => [regex, from]),
    [
      [0, null],
      [0, null],
      [0, Math.ceil(attack.length / 4)],
    ],
  );
});

/** What `lines` lead to in a jail with the filter, next to a second one for `good from <HOST>`. */
function runBeside(filter: Filter, lines: readonly string[]) {
  const good = filterOf('^good from <HOST>$');
  const workers = [filter, good].map((one, i) => ({
    jail: `jail${i}`,
    filter: one,
    state: newFilterState(one),
    findtime: 600,
    keepsFields: false,
  }));
  const engine = new Engine(workers, () => undefined);
  const ids = lines.flatMap((line) => {
    const bytes = Buffer.from(`${line}\n`);
    const batch = { bytes, start: 0, end: bytes.length, times: null, live: true };
    return [...engine.run(batch, 1000)].flatMap((one) => namesOf(one).map(({ id }) => id));
  });
  return { engine, ids };
}

test('what is in quarantine is still used on lines much shorter than those it was stuck on', () => {
  const evil = filterOf('^evil (?=a)(?:a+)+ from <HOST>$');
  const attack = `evil ${'a'.repeat(60)} but from 192.0.2.1`;
  const { engine, ids } = runBeside(evil, [attack, attack, attack, attack, 'evil a from 1.0.0.2']);
  assert.deepEqual(
    engine.stuck().map(({ regex, strikes, skipped, from }) => ({ regex, strikes, skipped, from })),
    [{ regex: 0, strikes: 3, skipped: 1, from: 21 }],
  );
  assert.deepEqual(ids, ['1.0.0.2']);
});

test('a prefregex without end is put into quarantine as a failregex is', () => {
  const source = filterOf('^evil from <HOST>$');
  const text = '^(?=a)(?:a+)+ <F-CONTENT>.+</F-CONTENT>$';
  const regex = compileFailregex(text, { usedns: 'no', isMultiline: false });
  const filter = { ...source, prefregex: { index: 0, source: { text, place }, regex } };
  const attack = `${'a'.repeat(60)}! evil from 192.0.2.1`;
  const { engine, ids } = runBeside(filter, [
    attack,
    attack,
    attack,
    attack,
    'good from 192.0.2.2',
    'a evil from 1.0.0.3',
  ]);
  assert.deepEqual(
    engine.stuck().map(({ regex, strikes, skipped }) => ({ regex, strikes, skipped })),
    [{ regex: null, strikes: 3, skipped: 1 }],
  );
  assert.deepEqual(ids, ['192.0.2.2', '1.0.0.3']);
});

test('regexes that are slow together are skipped too, each by itself being quick enough', () => {
  // Each takes the square of the length: some ms.
  const slow = Array.from({ length: 40 }, (_, i) => `^evil(?=a).*[b-d].*${i}x from <HOST>$`);
  const { engine, ids } = runBeside(filterOf(...slow), [
    ...Array.from(
      { length: 20 },
      () => `evil${'ab'.repeat(2000)} ${slow.map((_, i) => `${i}x from `).join('')}`,
    ),
    'good from 192.0.2.2',
  ]);
  const strikes = engine.stuck().map((one) => one.strikes);
  assert.ok(strikes.length > 1 && Math.max(...strikes) <= 3, `${strikes}`);
  assert.deepEqual(ids, ['192.0.2.2']);
});

test('a failregex over several lines matches wherever in the window the text stands that it cannot do without', () => {
  const { failregex } = filterOf('^authentication of <HOST>$<SKIPLINES>^has failed$');
  const filter = compileFilter(
    {
      ...{ name: 'test', prefregex: null, ignoreregex: [], datepattern: null, maxlines: 3, journalmatch: [] },
      failregex: failregex.map(({ source }) => source),
    },
    { usedns: 'no', logtimezone: null },
    [],
  );
  assert.ok(filter !== null);
  const { ids } = runBeside(filter, [
    'authentication of 192.0.2.1',
    'something',
    'has failed',
    'good from 192.0.2.2',
  ]);
  assert.deepEqual(ids, ['192.0.2.1', '192.0.2.2']);
});

test('lines with times of their own keep them, whichever lines are skipped', () => {
  const filter = filterOf('^good from <HOST>$');
  const engine = new Engine(
    [{ jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false }],
    () => assert.fail(),
  );
  const bytes = Buffer.from('x\ngood from 192.0.2.1\ny\nz\ngood from 192.0.2.2\n');
  const times = [1000, 1001, 1002, 1003, 1004];
  const results = [...engine.run({ bytes, start: 0, end: bytes.length, times, live: true }, 1010)];
  assert.deepEqual(
    results.flatMap((one) => namesOf(one).map(({ id, time }) => [id, time])),
    [
      ['192.0.2.1', 1001],
      ['192.0.2.2', 1004],
    ],
  );
});

for (const [what, prefregex, more] of [
  ['may match in the middle of the line', 'app\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>$', ''],
  [
    'may end its content in the middle of the line',
    'app\\[\\d+\\]: <F-CONTENT>.+?</F-CONTENT>(?: tail)?$',
    ' tail',
  ],
  [
    'may have a content of any length',
    'app\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>(?: tail)?$',
    ` ${'x'.repeat(500_000)}`,
  ],
] as const) {
  test(`a prefregex ${what}`, () => {
    const filter = compileFilter(
      {
        name: 'test',
        prefregex: { text: prefregex, place },
        failregex: [{ text: '^Failed from <HOST>', place }],
        ignoreregex: [],
        datepattern: null,
        maxlines: 1,
        journalmatch: [],
      },
      { usedns: 'no', logtimezone: 'UTC' },
      [],
    );
    assert.ok(filter !== null);
    const worker = { jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
    const engine = new Engine([worker], () => assert.fail('stuck'));
    const line = `2026-06-01 11:59:59 host app[1]: Failed from 192.0.2.1${more}\n`;
    const bytes = Buffer.from(line.repeat(3));
    const now = Date.UTC(2026, 5, 1, 12) / 1000;
    const results = engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, now);
    assert.equal([...results].flatMap(namesOf).length, 3);
  });
}
