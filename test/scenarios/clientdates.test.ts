import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { compileDates, findDate } from '../../src/filter/date/datepattern.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, FilterState } from '../../src/filter/types.ts';
import { readSamples, type Sample } from '../samples/read.ts';

process.env['TZ'] = 'UTC';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'test/samples');
const NOW = Date.UTC(2026, 10, 20, 12) / 1000;

/** Dates as a client writes them, each beside a text of the same form that is none. */
const DATES: readonly (readonly [date: string, plain: string])[] = [
  ['20200101T000000', '20200101X000000'],
  ['2020-01-01T00:00:00Z', '2020-01-01X00:00:00Z'],
  ['@4000000037c219bf2ef02e94', '@4000000037c219bf2ef02eX4'],
  ['1577836800', '157783680'],
  ['[01/Jan/2020:00:00:00 +0000]', '[01/Xan/2020:00:00:00 +0000]'],
  ['01/Jan/2020:00:00:00', '01/Xan/2020:00:00:00'],
  ['Jan 01 00:00:00 2020', 'Xan 01 00:00:00 2020'],
];

type Verdict = { readonly id: string; readonly time: number | null } | null;

function judge(filter: Filter, state: FilterState, text: string, time: number | null): Verdict {
  const options = { mode: 'test', now: NOW, findtime: 600 } as const;
  const [failure] = processLine(filter, state, { text, time }, options).failures;
  return failure === undefined ? null : { id: failure.id, time: failure.time };
}

/** The words of a line and the texts between its quotes, as spans. */
function partsOf(text: string): readonly (readonly [start: number, end: number])[] {
  const words = [...text.matchAll(/[^\s"'()[\]{}<>,;:=/?&]+/g)];
  const quoted = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
  const isKey = (end: number): boolean => /^"\s*:/.test(text.slice(end));
  return [
    ...words.map(({ 0: word, index }) => [index, index + word.length] as const),
    ...quoted.map(({ 1: part = '', index }) => [index + 1, index + 1 + part.length] as const),
  ].filter(([, end]) => !isKey(end));
}

/** Lines in which a client's date moved or hid the failure that the same line without it shows. */
function fooled(filter: Filter, samples: readonly Sample[], warm: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const { text, journalTime, id } of samples) {
    if (id === null || journalTime !== null) continue;
    const plain = judge(filter, newFilterState(filter), text, null);
    if (plain === null) continue;
    const own = findDate(compileDates(filter.datepattern, 'UTC'), text, NOW);
    for (const [start, end] of partsOf(text)) {
      // The service's own date, and the fraction or zone behind it.
      if (own !== null && start < own.end + 7 && end > own.start) continue;
      for (const [date, control] of DATES) {
        const put = (word: string): string => text.slice(0, start) + word + text.slice(end);
        const same = judge(filter, newFilterState(filter), put(control), null);
        if (same?.id !== plain.id || same.time !== plain.time) continue;
        const state = newFilterState(filter);
        for (const line of warm) judge(filter, state, line.replace('DATE', date), null);
        const got = judge(filter, state, put(date), null);
        if (got?.id !== plain.id || got.time !== plain.time)
          wrong.push(`${filter.name}: ${got === null ? 'missed' : `${got.id} at ${got.time}`}: ${put(date)}`);
      }
    }
  }
  return wrong;
}

const tree = diskTree(ROOT);
const names = readdirSync(SAMPLES).flatMap((file) => (file.endsWith('.log') ? [file.slice(0, -4)] : []));
/** Lines that an attacker sent before: they have the date where the next line is to be misread. */
const WARM = ['192.0.2.9 - DATE', 'DATE', '{"user":"DATE"}', '192.0.2.9 - - DATE "GET / HTTP/1.1" 200 1'];

for (const name of names) {
  test(`${name}: a date that a client writes neither moves nor hides a failure`, () => {
    for (const { options, samples } of readSamples(join(SAMPLES, `${name}.log`))) {
      const { backend, ...given } = options;
      const problems: Problem[] = [];
      const { filter: source } = loadFilter(tree, name, {
        backend: backend ?? 'auto',
        options: new Map(Object.entries(given)),
      });
      const filter = source && compileFilter(source, { usedns: 'raw', logtimezone: 'UTC' }, problems);
      assert.ok(filter);
      assert.deepEqual(fooled(filter, samples, []), []);
      assert.deepEqual(fooled(filter, samples, WARM), []);
    }
  });
}
