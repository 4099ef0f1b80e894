/** Sessions of whose fields nobody wants more than who failed: kept plainly, they say what processLine() says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp4 } from '../../../src/base/ip.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { Engine } from '../../../src/filter/engine.ts';
import { newFilterState, processLine } from '../../../src/filter/line.ts';
import type { Filter, LineOutcome, Survey } from '../../../src/filter/types.ts';
import { dice } from '../../testbed/dice.ts';
import { type FilterParts, filterOf, idsOf, NOW, run } from '../filterof.ts';

const BEGIN = Date.UTC(2026, 0, 1) / 1000;
const place = { file: 'test', line: 1 };
const PREFIXES = [
  // The id is first; it is not; there is a failregex of its own for it.
  '^<F-MLFID>\\s?host sshd\\[\\d+\\]: </F-MLFID><F-CONTENT>.+</F-CONTENT>$',
  '^\\s?host <F-MLFID>sshd\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$',
  null,
];
const BODIES = [
  'failed for <F-USER>\\S*</F-USER> from <HOST>$',
  'failed for <F-USER>\\S*</F-USER>$',
  'error as <F-ALT_USER>\\S*</F-ALT_USER> of <F-USER>\\S*</F-USER>$',
  '<F-NOFAIL>invalid</F-NOFAIL> user <F-USER>\\S*</F-USER> from <HOST>$',
  '<F-NOFAIL>tried</F-NOFAIL> user <F-USER>\\S*</F-USER>$',
  '<F-NOFAIL>hello</F-NOFAIL> from <HOST>$',
  '<F-MLFGAINED>accepted</F-MLFGAINED> for <F-USER>\\S*</F-USER> from <HOST>$',
  '<F-MLFGAINED>accepted</F-MLFGAINED> anybody$',
  '<F-MLFFORGET>closed</F-MLFFORGET> by user <F-USER>\\S*</F-USER> <HOST>$',
  '<F-MLFFORGET><F-NOFAIL>closed</F-NOFAIL></F-MLFFORGET> quietly$',
  '<F-MLFFORGET>closed</F-MLFFORGET> loudly$',
];

function filterWith(prefix: string | null): Filter {
  const own = prefix === null ? '^\\s?host <F-MLFID>sshd\\[\\d+\\]</F-MLFID>: ' : '^';
  const source = {
    name: 'test',
    prefregex: prefix === null ? null : { text: prefix, place },
    failregex: BODIES.map((text) => ({ text: own + text, place })),
    ignoreregex: [],
    datepattern: null,
    maxlines: 1,
    journalmatch: [],
  };
  const filter = compileFilter(source, { usedns: 'raw', logtimezone: 'UTC' }, []);
  assert.ok(filter !== null);
  return filter;
}

const told = ({ failures }: LineOutcome): string[] => failures.map(({ id, time }) => `${id} ${time}`);

/** What waits for somebody to say who it was counts for a report. */
const surveyedOf = (outcome: LineOutcome): string[] => [
  ...told(outcome),
  ...outcome.helpers.flatMap(({ kind, regex }) => (kind === 'helper' ? [] : [`${kind} by ${regex}`])),
];

for (const [number, prefix] of PREFIXES.entries()) {
  for (const checkAll of [false, true]) {
    const what = `${['the id first', 'the id behind a word', 'no prefregex'][number]}${checkAll ? ', every regex tried' : ''}`;
    test(`law: plain sessions say what processLine() says: ${what}`, (t) => {
      const roll = dice(41 + number);
      const filter = filterWith(prefix);
      const [state, plain] = [newFilterState(filter), newFilterState(filter)];
      const surveyed: string[] = [];
      const survey: Survey = {
        checkAll,
        isComment: () => false,
        decode: (bytes) => Buffer.from(bytes).toString('latin1'),
        onShort: (verdict, { ip, time }) => {
          if (verdict === 'matched') surveyed.push(`${formatIp4(ip)} ${time}`);
        },
        onLong: (outcome) => surveyed.push(...surveyedOf(outcome)),
        onPrefixed: () => undefined,
      };
      const worker = { jail: 'a', filter, state, findtime: 10 ** 6, keepsFields: false };
      const engine = new Engine(
        [worker],
        ({ line }) => assert.fail(`stuck: ${line}`),
        checkAll ? survey : null,
      );
      const users = ['root', 'admin', 'admin', '', 'x'.repeat(300)];
      const names = ['2001:db8::7', 'host.example.org', '10.0.0.300', '198.51.100.7'];
      let failures = 0;
      for (let round = 0; round < 40; round++) {
        const odds = round < 30 ? 1000 : 20;
        const now = BEGIN + round * (roll(3) === 0 ? 200 : 20);
        const date = new Date((now - roll(50)) * 1000).toISOString().slice(0, 19);
        const lines = Array.from({ length: 400 }, () => {
          const user = users[roll(users.length)] ?? '';
          const host = roll(odds) < 2 ? names[roll(names.length)] : `10.0.${roll(3)}.${roll(200)}`;
          const text = (BODIES[roll(BODIES.length)] ?? '')
            .replace(/<F-(?:ALT_)?USER>.*?<\/F-(?:ALT_)?USER>/g, () => user)
            .replace(/<\/?F-[A-Z]+>/g, '')
            .replace('<HOST>', host ?? '')
            .replace('$', roll(odds) === 0 ? ' and more' : '');
          return `${date} host sshd[${roll(round % 3 === 0 ? 30 : 150)}]: ${text}`;
        });
        const mode = checkAll ? 'test' : 'live';
        const options = { mode, findtime: 10 ** 6, now, checkAll } as const;
        const wanted = lines.flatMap((text) =>
          (checkAll ? surveyedOf : told)(processLine(filter, plain, { text, time: null }, options)),
        );
        const bytes = Buffer.from(`${lines.join('\n')}\n`);
        surveyed.length = 0;
        const results = [...engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, now)];
        const found = results.flatMap(({ outcome, ip, time }) =>
          outcome === null ? [`${formatIp4(ip)} ${time}`] : told(outcome),
        );
        assert.deepEqual(checkAll ? surveyed : found, wanted, `round ${round}`);
        assert.equal(state.sessions.size, plain.sessions.size);
        failures += wanted.length;
      }
      assert.ok(failures > 1000);
      t.diagnostic(`${failures} failures`);
    });
  }
}

const SESSION: FilterParts = {
  prefregex: '^<F-MLFID> sshd\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$',
  failregex: [
    '^<F-NOFAIL>connect</F-NOFAIL> from <HOST>$',
    '^bad password for <F-USER>\\S+</F-USER>$',
    '^<F-NOFAIL><F-MLFGAINED>accepted</F-MLFGAINED></F-NOFAIL> <F-USER>\\S+</F-USER>$',
    '^<F-NOFAIL><F-MLFFORGET>closed</F-MLFFORGET></F-NOFAIL>$',
  ],
};

function session(...texts: string[]): LineOutcome[] {
  return run(
    SESSION,
    texts.map((text) => `2024-06-23T22:29:50 sshd${text}`),
  );
}

test('lines of one session are one story: the address of one, the user of another, the lines of both', () => {
  const outcomes = session(
    '[7]: connect from 192.0.2.1',
    '[8]: connect from 192.0.2.2',
    '[7]: bad password for root',
  );
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ['helper', 'helper', 'matched'],
  );
  const [failure] = outcomes[2]?.failures ?? [];
  assert.deepEqual(
    [failure?.id, failure?.fields.get('user'), failure?.matches.length],
    ['192.0.2.1', 'root', 2],
  );
});

test('a failure before its address is told waits for it', () => {
  const outcomes = session('[7]: bad password for root', '[7]: connect from 192.0.2.1');
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ['helper', 'matched'],
  );
});

test('who gets in is forgiven what was pending, and a closed session is forgotten', () => {
  assert.deepEqual(
    idsOf(session('[7]: bad password for root', '[7]: accepted root', '[7]: connect from 192.0.2.1')),
    [],
  );
  assert.deepEqual(
    idsOf(session('[7]: connect from 192.0.2.1', '[7]: closed', '[7]: bad password for root')),
    [],
  );
});

test('sessions are bounded in number and age', () => {
  const filter = filterOf(SESSION);
  const state = newFilterState(filter);
  const feed = (text: string, now: number) =>
    processLine(filter, state, { text: ` sshd${text}`, time: now }, { mode: 'live', findtime: 600, now });
  for (let i = 0; i < 1000; i++) feed(`[${i}]: connect from 192.0.2.1`, NOW);
  assert.equal(state.sessions.size, 100);
  assert.equal(feed('[999]: bad password for root', NOW + 299).result, 'matched');
  assert.equal(feed('[998]: bad password for root', NOW + 300).result, 'helper');
});

test('a session that never ends keeps its last lines only, and not too much of them', () => {
  const long = 'x'.repeat(8000);
  const outcomes = session(
    ...Array.from({ length: 50 }, () => `[7]: bad password for ${long}`),
    '[7]: connect from 192.0.2.1',
  );
  const kept = outcomes.at(-1)?.failures[0]?.matches ?? [];
  assert.equal(kept.length, 5);
});
