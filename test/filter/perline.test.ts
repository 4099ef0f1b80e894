import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PerLine, type StuckLine } from '../../src/filter/perline.ts';
import { type FilterParts, NOW, workerOf } from './filterof.ts';

/** Lines (text, or [text, time]) one by one through a filter of their own, in batches. */
function perLine(parts: FilterParts, checkAll = false) {
  const { filter, state } = workerOf(parts);
  const stuck: StuckLine[] = [];
  const course = { filter, state, checkAll, now: NOW, onStuck: (one: StuckLine) => stuck.push(one) };
  const work = new PerLine(course);
  let number = 0;
  const run = (...lines: readonly (string | readonly [string, number])[]) =>
    work.run(
      lines.map((line) => {
        const [text, time] = typeof line === 'string' ? [line, null] : line;
        return { number: ++number, line: { text, time } };
      }),
    );
  return { run, stuck };
}

const AT = '2024-06-23T22:29:50';

test('every line has its outcome, in order, also one that no regex can match', () => {
  const { run } = perLine({ failregex: ['^ fail <HOST>$'], ignoreregex: ['9$'] });
  const lines = [
    `${AT} fail 192.0.2.1`,
    'x',
    '',
    `${AT} fail 192.0.2.9`,
    '# a comment is a line, too',
    `${AT} fail 192.0.2.2`,
  ];
  const found = run(...lines);
  assert.deepEqual(
    found.map(({ number, line, outcome }) => [number, line.text, outcome.result]),
    lines.map((text, i) => [i + 1, text, ['matched', 'missed', 'missed', 'ignored', 'missed', 'matched'][i]]),
  );
});

test('a failure has its fields and its lines', () => {
  const { run } = perLine({ failregex: ['^ fail <F-USER>\\w+</F-USER> <HOST>$'] });
  const [failure] = run(`${AT} fail root 192.0.2.1`)[0]?.outcome.failures ?? [];
  assert.deepEqual([failure?.fields.get('user'), failure?.matches], ['root', [`${AT} fail root 192.0.2.1`]]);
});

test('with checkAll every regex that matches is told', () => {
  const parts = { failregex: ['^ fail <HOST>', '<HOST>$', 'never <HOST>'] };
  const hits = (checkAll: boolean) => perLine(parts, checkAll).run(`${AT} fail 192.0.2.1`)[0]?.outcome.hits;
  assert.deepEqual([hits(false), hits(true)], [[0], [0, 1]]);
});

test('lines with times keep them', () => {
  const { run } = perLine({ failregex: ['^fail <HOST>$'] });
  const found = run(['fail 192.0.2.1', NOW - 20], ['x', NOW - 10], ['fail 192.0.2.2', NOW - 5]);
  assert.deepEqual(
    found.map(({ outcome }) => outcome.time),
    [NOW - 20, NOW - 10, NOW - 5],
  );
});

test('a line tells the window before and after it, from one batch to the next', () => {
  const { run } = perLine({ failregex: ['^ start$<SKIPLINES>^ end <HOST>$'], maxlines: 3 });
  const words = (window: readonly { readonly after: string }[]) =>
    window.map(({ after }) => after.trim()).join(',');
  const seen = [...run(`${AT} start`, `${AT} x`), ...run(`${AT} end 192.0.2.1`, `${AT} y`)];
  assert.deepEqual(
    seen.map(({ outcome, before, after }) => [outcome.result, words(before), words(after)]),
    [
      ['missed', '', 'start'],
      ['missed', 'start', 'start,x'],
      ['matched', 'start,x', 'x'],
      ['missed', 'x', 'x,y'],
    ],
  );
});

test('a regex that is too slow is told with the number of the line, and the others get their due', () => {
  const { run, stuck } = perLine({
    failregex: ['^evil (?=a)(?:a+)+ from <HOST>$', '^evil .* but from <HOST>$'],
  });
  const attack = `evil ${'a'.repeat(60)} but from 192.0.2.1`;
  run('x');
  const results = run('x', attack, attack, attack, attack).map(({ outcome }) => outcome.result);
  assert.deepEqual(results, ['missed', 'matched', 'matched', 'matched', 'matched']);
  assert.deepEqual(
    stuck.map(({ regex, number, line }) => [regex, number, line]),
    [3, 4, 5, 6].map((number) => [0, number, attack]),
  );
});
