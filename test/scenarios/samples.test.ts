import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, LineOutcome } from '../../src/filter/types.ts';
import { readSamples, type Sample, type SampleSet } from '../samples/read.ts';

process.env['TZ'] = 'UTC';

const ROOT = new URL('../..', import.meta.url).pathname;
const NOW = Date.UTC(2026, 10, 20, 12) / 1000;
const tree = diskTree(ROOT);

/** Files that filters include; they have no failregex of their own. */
const isInclude = (file: string): boolean => file.endsWith('-line.conf');
const names = readdirSync(`${ROOT}/filter.d`)
  .filter((file) => file.endsWith('.conf') && !isInclude(file))
  .map((file) => file.slice(0, -'.conf'.length))
  .sort();

const sets = new Map<string, readonly SampleSet[]>(
  readdirSync(`${ROOT}/test/samples`)
    .filter((file) => file.endsWith('.log'))
    .map((file) => [file.slice(0, -'.log'.length), readSamples(`${ROOT}/test/samples/${file}`)]),
);

function open(name: string, set: SampleSet): Filter {
  const { backend, ...given } = set.options;
  const loaded = loadFilter(tree, name, {
    backend: backend ?? 'auto',
    options: new Map(Object.entries(given)),
  });
  const problems: Problem[] = [...loaded.problems];
  const filter =
    loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, problems);
  assert.deepEqual(problems.map(formatProblem), [], name);
  assert.ok(filter);
  return filter;
}

/** What is wrong with the outcome of a sample, in words; empty when it is as announced. */
function judge(sample: Sample, outcome: LineOutcome): string {
  const [failure, ...more] = outcome.failures;
  if (sample.id === null) return failure === undefined ? '' : `counts for ${failure.id}`;
  if (failure === undefined) return `does not count (${outcome.result})`;
  if (more.length > 0) return 'counts more than once';
  if (failure.id !== sample.id) return `counts for ${failure.id}, not for ${sample.id}`;
  if (failure.time !== sample.time) return `has the time ${failure.time}, not ${sample.time}`;
  if (outcome.hits.length !== 1) return `is hit by the failregexes ${outcome.hits.map((hit) => hit + 1)}`;
  for (const [key, value] of Object.entries(sample.fields)) {
    const got = failure.fields.get(key);
    if (got !== value) return `has ${key}=${got}, not ${value}`;
  }
  return '';
}

/** Replays one file of samples; answers what was wrong, and which failregexes (by their text) were hit or are there at all. */
function replay(name: string): { wrong: string[]; hit: Set<string>; all: Set<string>; lines: number } {
  const result = { wrong: [] as string[], hit: new Set<string>(), all: new Set<string>(), lines: 0 };
  for (const set of sets.get(name) ?? []) {
    const filter = open(name, set);
    const state = newFilterState(filter);
    for (const { source } of filter.failregex) result.all.add(source.text);
    for (const sample of set.samples) {
      const line = { text: sample.text, time: sample.journalTime };
      const outcome = processLine(filter, state, line, {
        mode: 'test',
        now: NOW,
        findtime: 600,
        checkAll: true,
      });
      result.lines += 1;
      for (const index of outcome.hits) result.hit.add(filter.failregex[index]!.source.text);
      const trouble = judge(sample, outcome);
      if (trouble !== '') result.wrong.push(`${name}.log:${sample.line}: ${trouble}: ${sample.text}`);
    }
  }
  return result;
}

test('every shipped filter judges its samples as they say', (t) => {
  let lines = 0;
  const wrong: string[] = [];
  for (const name of names) {
    const result = replay(name);
    lines += result.lines;
    wrong.push(...result.wrong);
  }
  t.diagnostic(`${lines} lines of samples through ${names.length} filters`);
  assert.deepEqual(wrong, []);
});

test('every filter has samples, and every sample file a filter', () => {
  assert.deepEqual([...sets.keys()].sort(), names);
});

test('every shipped failregex is hit by a sample that only it matches', () => {
  const unhit = names.flatMap((name) => {
    const { all, hit } = replay(name);
    return [...all].filter((text) => !hit.has(text)).map((text) => `${name}: ${text}`);
  });
  assert.deepEqual(unhit, []);
});

/** The walkthrough's two filters are given word for word; all others keep the rules of docs/filters.md. */
const ours = names.filter((name) => name !== 'flask-ddos' && name !== 'flask-auth');

test('every failregex is anchored at the start and holds a literal of four characters', () => {
  const wrong = ours.flatMap((name) =>
    (sets.get(name) ?? []).flatMap((set) =>
      open(name, set).failregex.flatMap(({ regex, source }) => {
        const shortest = regex.literals.map(({ texts }) => Math.min(...texts.map(({ length }) => length)));
        const isFine = regex.isAnchored && Math.max(0, ...shortest) >= 4;
        return isFine ? [] : [`${name}: ${source.text}`];
      }),
    ),
  );
  assert.deepEqual(wrong, []);
});

test('every mode of a filter has samples', () => {
  const missing = names.flatMap((name) => {
    const text = readFileSync(`${ROOT}/filter.d/${name}.conf`, 'utf8');
    const modes = [...text.matchAll(/^(?:more|list)-([a-z]+) =/gm)].map((match) => match[1]);
    const seen = new Set((sets.get(name) ?? []).map((set) => set.options['mode'] ?? 'normal'));
    return modes.filter((mode) => mode !== undefined && !seen.has(mode)).map((mode) => `${name}: ${mode}`);
  });
  assert.deepEqual(missing, []);
});

test('every filter has a sample in which a client smuggles in an address', () => {
  const without = names.filter(
    (name) => !(sets.get(name) ?? []).some((set) => set.samples.some((sample) => sample.isInjection)),
  );
  assert.deepEqual(without, []);
});

test('no address of an attack is ever counted: 203.0.113.0/24 and 2001:db8:bad:: are the victims', () => {
  const banned = names.flatMap((name) =>
    (sets.get(name) ?? []).flatMap((set) =>
      set.samples
        .filter(({ id }) => id !== null && (id.startsWith('203.0.113.') || id.startsWith('2001:db8:bad:')))
        .map(({ line }) => `${name}.log:${line}`),
    ),
  );
  assert.deepEqual(banned, []);
});

test('every injection sample names a victim', () => {
  const without = names.flatMap((name) =>
    (sets.get(name) ?? []).flatMap((set) =>
      set.samples
        .filter(({ isInjection, text }) => isInjection && !/203\.0\.113\.|2001:db8:bad:/.test(text))
        .map(({ line }) => `${name}.log:${line}`),
    ),
  );
  assert.deepEqual(without, []);
});

test('every jail in jail.d loads, is disabled, and names a filter that is there', (t) => {
  const config = loadConfig(tree, { force: true });
  assert.deepEqual(
    config.problems.filter((each) => each.severity === 'error').map((each) => formatProblem(each)),
    [],
  );
  assert.ok(config.allJails.length >= names.length);
  t.diagnostic(`${config.allJails.length} jails`);
  for (const { jail } of config.allJails) {
    assert.ok(jail);
    assert.ok(names.includes(jail.filter.name), `${jail.name}: filter ${jail.filter.name}`);
    assert.ok(jail.logpath.length > 0 || jail.backend === 'systemd', `${jail.name}: no log`);
  }
  const used = new Set(config.allJails.map(({ jail }) => jail?.filter.name));
  assert.deepEqual(
    names.filter((name) => !used.has(name)),
    [],
    'filters without a jail',
  );
  const asShipped = loadConfig(tree);
  assert.deepEqual(
    asShipped.allJails.filter(({ isEnabled }) => isEnabled),
    [],
  );
});
