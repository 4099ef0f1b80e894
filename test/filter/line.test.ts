import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFilterState, processLine, processUncommitted } from '../../src/filter/line.ts';
import { filterOf, NOW, run } from './filterof.ts';

test('processLine() finds who failed and when, and keeps the line', () => {
  const line = '10.2.1.99 - - [23/Jun/2024 22:29:27] "GET /restricted/ HTTP/1.1" 401 -';
  const [outcome] = run({ failregex: ['^<HOST> - .+(GET|POST).+ 401 .*$'] }, [line]);
  assert.equal(outcome?.result, 'matched');
  assert.equal(outcome?.time, NOW - 33);
  const [failure] = outcome?.failures ?? [];
  assert.deepEqual(
    [failure?.id, failure?.kind, failure?.regex, failure?.time],
    ['10.2.1.99', 'ip', 0, NOW - 33],
  );
  assert.deepEqual(failure?.matches, [line]);
});

test('in operation a date over 60 s off is read as now, with a warning', () => {
  const parts = { failregex: ['^ fail <HOST>$'] };
  const [near, late, ahead] = run(parts, [
    '2024-06-23T22:29:00 fail 192.0.2.1',
    '2024-06-23T22:10:00 fail 192.0.2.1',
    '2024-06-24T00:30:00 fail 192.0.2.1',
  ]);
  assert.deepEqual([near?.time, near?.warning], [NOW - 60, null]);
  assert.deepEqual([late?.time, late?.warning], [NOW, { kind: 'latency', seconds: -1200 }]);
  assert.deepEqual([ahead?.time, ahead?.warning], [NOW, { kind: 'timezone', seconds: 7200 }]);
});

test('while catching up, lines older than findtime are skipped and none is in the future', () => {
  const [old, recent, ahead] = run(
    { failregex: ['^ fail <HOST>$'] },
    [
      '2024-06-23T22:19:59 fail 192.0.2.1',
      '2024-06-23T22:20:00 fail 192.0.2.1',
      '2024-06-23T22:31:00 fail 192.0.2.1',
    ],
    'catchup',
  );
  assert.deepEqual([old?.result, recent?.result, ahead?.time], ['old', 'matched', NOW]);
});

test('a line without a date has the last known one for 60 s, then now; while catching up it has none', () => {
  const parts = { failregex: ['^(?: start|fail <HOST>)$'] };
  const lines: [string, number][] = [
    ['2024-06-23T22:29:50 start', NOW],
    ['fail 192.0.2.1', NOW + 49],
    ['fail 192.0.2.1', NOW + 51],
  ];
  assert.deepEqual(
    run(parts, lines).map(({ time }) => time),
    [NOW - 10, NOW - 10, NOW + 51],
  );
  const [alone, other] = run(parts, ['fail 192.0.2.1', 'neither'], 'catchup');
  assert.deepEqual([alone?.result, alone?.time], ['missed', null]);
  assert.deepEqual([alone?.warning?.kind, other?.warning], ['uncounted', null]);
});

test('a line without a date that was written within findtime is counted as of now while catching up', () => {
  const filter = filterOf({ failregex: ['^fail <HOST>$'] });
  const line = { text: 'fail 192.0.2.1', time: null };
  const options = { mode: 'catchup', isFresh: true, findtime: 600, now: NOW } as const;
  const { time, warning, failures } = processLine(filter, newFilterState(filter), line, options);
  assert.deepEqual([time, warning?.kind, failures.length], [NOW, 'undated', 1]);
});

test('a time that the source knows is taken, and no date is cut out then', () => {
  const filter = filterOf({ failregex: ['^2024-06-23T01:00:00 fail <HOST>$'] });
  const line = { text: '2024-06-23T01:00:00 fail 192.0.2.1', time: NOW - 5 };
  const options = { mode: 'live', findtime: 600, now: NOW } as const;
  const outcome = processLine(filter, newFilterState(filter), line, options);
  assert.deepEqual([outcome.result, outcome.time, outcome.warning], ['matched', NOW - 5, null]);
});

test('a failure in a line without a date is warned of', () => {
  const [outcome] = run({ failregex: ['^fail <HOST>$'] }, ['fail 192.0.2.1']);
  assert.deepEqual([outcome?.time, outcome?.warning], [NOW, { kind: 'undated', seconds: 0 }]);
});

test('a date that is none is cut out all the same, and the line is taken for one of now', () => {
  const [outcome] = run({ failregex: ['^ fail <HOST>$'] }, ['2024-02-30 10:00:00 fail 192.0.2.1']);
  assert.deepEqual([outcome?.result, outcome?.time], ['matched', NOW]);
});

test('in a test dates are taken as they stand', () => {
  const lines = ['2004-06-23T22:19:59 fail 192.0.2.1', '2034-06-23T22:19:59 fail 192.0.2.1'];
  assert.deepEqual(
    run({ failregex: ['^ fail <HOST>$'] }, lines, 'test').map(({ time }) => time),
    [2004, 2034].map((year) => Date.UTC(year, 5, 23, 22, 19, 59) / 1000),
  );
});

test('processUncommitted() changes no session until commit()', () => {
  const filter = filterOf({ failregex: ['^<F-MLFID>\\w+</F-MLFID> <F-NOFAIL>hello</F-NOFAIL> <HOST>$'] });
  const state = newFilterState(filter);
  const options = { mode: 'live', findtime: 600, now: NOW } as const;
  const line = { text: 'a hello 192.0.2.1', time: NOW };
  for (let i = 0; i < 2; i++) processUncommitted(filter, state, line, options);
  assert.equal(state.sessions.size, 0);
  state.sessions.commit();
  assert.equal(state.sessions.size, 1);
});
