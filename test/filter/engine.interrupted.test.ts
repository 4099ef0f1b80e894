/** The time limit strikes anywhere, and on a busy machine often: a line is neither lost nor counted twice for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { Engine } from '../../src/filter/engine.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { LineOutcome, Worker } from '../../src/filter/types.ts';
import { dice } from '../testbed/dice.ts';

const LINES = 4000;
const ROUNDS = 3;
const NOW = Date.UTC(2026, 0, 1) / 1000;
const DATE = '2026-01-01T00:00:00Z';
/** Takes longer to decode than to match, so that interruptions come at every step of a line's way. */
const LONG = 'é€'.repeat(3000);

function workerOf(name: string, failregexes: readonly string[], prefregex: string | null = null): Worker {
  const place = { file: 'test', line: 1 };
  const source = {
    name: 'test',
    prefregex: prefregex === null ? null : { text: prefregex, place },
    failregex: failregexes.map((text) => ({ text, place })),
    ignoreregex: [],
    datepattern: null,
    maxlines: 1,
    journalmatch: [],
  };
  const filter = compileFilter(source, { usedns: 'no', logtimezone: null }, []);
  assert.ok(filter !== null);
  return { jail: name, filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
}

const address = (number: number): string => `10.0.${number >> 8}.${number & 255}`;

for (const [what, hasTimes] of [
  ['lines with dates in them', false],
  ['lines that the journal dated', true],
] as const) {
  test(`a batch that is interrupted again and again counts each line once in each filter: ${what}`, () => {
    const workers = ['^\\s*good from <HOST> ', '^\\s*\\w+ from <HOST> '].map((one) =>
      workerOf('jail', [one]),
    );
    const text = Array.from(
      { length: LINES },
      (_, i) => `${hasTimes ? '' : `${DATE} `}good from ${address(i)} ${LONG}\n`,
    );
    const bytes = Buffer.from(text.join(''));
    const timeOf = (i: number): number => NOW - 50 + i / 200;
    const times = hasTimes ? Array.from({ length: LINES }, (_, i) => timeOf(i)) : null;
    const engine = new Engine(workers, ({ line }) => assert.fail(`stuck: ${line.slice(0, 40)}`));
    const wanted = Array.from({ length: LINES }, (_, i) =>
      workers.map((_, worker) => `${address(i)} by ${worker}${hasTimes ? ` at ${timeOf(i)}` : ''}`),
    ).flat();
    for (let round = 0; round < ROUNDS; round++) {
      const results = [...engine.run({ bytes, start: 0, end: bytes.length, times, live: true }, NOW)];
      const got = results.map(({ worker, outcome, ip, time }) => {
        const failure = outcome === null ? { id: formatIp4(ip), time } : outcome.failures[0];
        return `${failure?.id} by ${worker}${hasTimes ? ` at ${failure?.time}` : ''}`;
      });
      const [once, known] = [new Set(got), new Set(wanted)];
      const missing = wanted.filter((one) => !once.has(one));
      const more = got.length - once.size + got.filter((one) => !known.has(one)).length;
      assert.deepEqual({ missing, more }, { missing: [], more: 0 });
    }
  });
}

for (const [what, long] of [
  ['the short way', 'ab '.repeat(1500)],
  ['the long way', LONG],
] as const) {
  test(`a session that is interrupted again and again tells each of its failures once: ${what}`, () => {
    // With a look ahead the clock is watched.
    const failregexes = [
      '^<F-NOFAIL>connection</F-NOFAIL> from <HOST> ',
      '^(?=f)<F-MLFFORGET>failed</F-MLFFORGET> .*$',
    ];
    const prefregex = '^\\s*<F-MLFID>\\[\\d+\\]</F-MLFID> <F-CONTENT>.+</F-CONTENT>$';
    const worker = workerOf('jail', failregexes, prefregex);
    const { state } = worker;
    const engine = new Engine([worker], ({ line }) => assert.fail(`stuck: ${line.slice(0, 40)}`));
    // Their lines are mixed.
    const lines = Array.from({ length: LINES }, (_, i) => [
      `${DATE} [${i}] connection from ${address(i)} ${long}\n`,
      ...(i < 5 ? [] : [`${DATE} [${i - 5}] failed ${long}\n`]),
    ]).flat();
    const bytes = Buffer.from(lines.join(''));
    const results = [...engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, NOW)];
    const got = results.map(({ outcome, ip }) =>
      outcome === null ? formatIp4(ip) : outcome.failures[0]?.id,
    );
    assert.deepEqual(
      got,
      Array.from({ length: LINES - 5 }, (_, i) => address(i)),
    );
    assert.equal(state.sessions.size, 5);
  });
}

function tell({ failures, warning }: LineOutcome, worker: number): string[] {
  // The others do not see lines that they cannot match.
  const off = warning === null || worker < 2 ? [] : [`${worker} warns: ${JSON.stringify(warning)}`];
  return [...off, ...failures.map((one) => `${one.id} by ${worker} at ${one.time}`)];
}

test('law: what is matched without a watch over the clock, and what then needs one, says what processLine() says', () => {
  const make = (): readonly Worker[] => [
    workerOf('a', ['^\\s*(?=f)failed from <HOST>(?: again)?$', '^\\s*(?=r)rare from <HOST>$']),
    workerOf(
      'b',
      ['^<F-NOFAIL>connection</F-NOFAIL> from <HOST>$', '^(?=f)<F-MLFFORGET>failed</F-MLFFORGET> from .*$'],
      '^\\s*<F-MLFID>(?:\\[\\d+\\])?</F-MLFID> ?<F-CONTENT>.+</F-CONTENT>$',
    ),
    workerOf('c', ['from <HOST>$']),
  ];
  const [workers, plain] = [make(), make()];
  const engine = new Engine(workers, ({ line }) => assert.fail(`stuck: ${line}`));
  const roll = dice(23);
  const dates = [
    '2025-12-31T23:59:SSZ',
    '2026-01-01T00:00:00Z',
    '31/Dec/2025:23:59:SS +0000',
    'no date,',
    '2025-12-31T22:5M:SSZ',
  ];
  const texts = [
    'failed from IP',
    'failed from IP again',
    'connection from IP',
    '[N] connection from IP',
    '[N] failed from IP',
  ];
  let failures = 0;
  for (let round = 0; round < 600; round++) {
    // Most batches have nothing odd.
    const odds = round % 11 === 0 ? 1 : 1_000_000;
    const lines = Array.from({ length: roll(60) }, () => {
      const date = dates[roll(12 * odds) > 0 ? 0 : roll(dates.length)] ?? '';
      const text = roll(60 * odds) > 0 ? (texts[roll(texts.length)] ?? '') : 'rare from IP';
      const ip =
        roll(30) > 0
          ? `10.0.0.${roll(250)}`
          : ['2001:db8::1', '10.0.0.300', 'é'][roll(round % 3 === 0 ? 3 : 2)];
      return `${date} ${text}`
        .replace('M', String(roll(10)))
        .replace('SS', String(roll(60)).padStart(2, '0'))
        .replace('N', String(roll(5)))
        .replace('IP', ip ?? '');
    });
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const got = [...engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, NOW)].flatMap(
      ({ worker, outcome, ip, time }) =>
        outcome === null ? [`${formatIp4(ip)} by ${worker} at ${time}`] : tell(outcome, worker),
    );
    const wanted = lines.flatMap((text) =>
      plain.flatMap(({ filter, state, findtime }, worker) => {
        const outcome = processLine(
          filter,
          state,
          { text, time: null },
          { mode: 'live', findtime, now: NOW, checkAll: false },
        );
        return tell(outcome, worker);
      }),
    );
    assert.deepEqual(got, wanted);
    failures += got.length;
  }
  assert.ok(failures > 5000);
});
