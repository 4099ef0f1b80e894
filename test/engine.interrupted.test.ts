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
