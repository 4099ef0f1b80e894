/** The time limit strikes anywhere, and on a busy machine often: a line is neither lost nor counted twice for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine, type Worker } from '../src/engine.ts';
import { compileFilter, newFilterState } from '../src/filter.ts';
import { formatIp4 } from '../src/ip.ts';

const LINES = 4000;
const ROUNDS = 3;
const NOW = Date.UTC(2026, 0, 1) / 1000;
const DATE = '2026-01-01T00:00:00Z';
/** Takes longer to decode than to match, so that interruptions come at every step of a line's way. */
const LONG = 'é€'.repeat(3000);

function workersOf(...failregexes: readonly string[]): readonly Worker[] {
  return failregexes.map((text, i) => {
    const source = {
      name: 'test',
      prefregex: null,
      failregex: [{ text, place: { file: 'test', line: 1 } }],
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    };
    const filter = compileFilter(source, { usedns: 'no', logtimezone: null }, []);
    assert.ok(filter !== null);
    return { jail: `jail${i}`, filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
  });
}

const address = (number: number): string => `10.0.${number >> 8}.${number & 255}`;

for (const [what, hasTimes] of [
  ['lines with dates in them', false],
  ['lines that the journal dated', true],
] as const) {
  test(`a batch that is interrupted again and again counts each line once in each filter: ${what}`, () => {
    const workers = workersOf('^\\s*good from <HOST> ', '^\\s*\\w+ from <HOST> ');
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
    const source = {
      name: 'test',
      prefregex: {
        text: '^\\s*<F-MLFID>\\[\\d+\\]</F-MLFID> <F-CONTENT>.+</F-CONTENT>$',
        place: { file: 'test', line: 1 },
      },
      // With a look ahead the clock is watched.
      failregex: [
        '^<F-NOFAIL>connection</F-NOFAIL> from <HOST> ',
        '^(?=f)<F-MLFFORGET>failed</F-MLFFORGET> .*$',
      ].map((text) => ({ text, place: { file: 'test', line: 1 } })),
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    };
    const filter = compileFilter(source, { usedns: 'no', logtimezone: null }, []);
    assert.ok(filter !== null);
    const state = newFilterState(filter);
    const worker = { jail: 'jail', filter, state, findtime: 600, keepsFields: false };
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
