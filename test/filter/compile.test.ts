import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import type { FilterSource, RegexSource, UseDns } from '../../src/config/jail.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, LineOutcome } from '../../src/filter/types.ts';

const NOW = Date.UTC(2024, 5, 23, 22, 30) / 1000;

type Options = {
  failregex: string[];
  ignoreregex?: string[];
  prefregex?: string;
  datepattern?: string;
  maxlines?: number;
  usedns?: UseDns;
};

function sourceOf(options: Options): FilterSource {
  const at = (text: string, i = 0): RegexSource => ({
    text,
    place: { file: 'filter.d/x.conf', line: i + 2 },
  });
  const { prefregex, datepattern } = options;
  return {
    name: 'x',
    prefregex: prefregex === undefined ? null : at(prefregex),
    failregex: options.failregex.map(at),
    ignoreregex: (options.ignoreregex ?? []).map(at),
    datepattern: datepattern === undefined ? null : at(datepattern),
    maxlines: options.maxlines ?? 1,
    journalmatch: [],
  };
}

function compile(options: Options): Filter {
  const problems: Problem[] = [];
  const filter = compileFilter(
    sourceOf(options),
    { usedns: options.usedns ?? 'warn', logtimezone: 'UTC' },
    problems,
  );
  assert.ok(filter, problems.map(formatProblem).join('\n'));
  return filter;
}

function problemsOf(options: Options): Problem[] {
  const problems: Problem[] = [];
  assert.equal(compileFilter(sourceOf(options), { usedns: 'warn', logtimezone: null }, problems), null);
  return problems;
}

/** Runs lines (text, or [text, now]) through a filter of its own. */
function run(
  options: Options,
  lines: (string | [string, number])[],
  mode: 'live' | 'catchup' | 'test' = 'live',
): LineOutcome[] {
  const filter = compile(options);
  const state = newFilterState(filter);
  return lines.map((line) => {
    const [text, now] = typeof line === 'string' ? [line, NOW] : line;
    return processLine(filter, state, { text, time: null }, { mode, findtime: 600, now });
  });
}

function idsOf(outcomes: LineOutcome[]): string[] {
  return outcomes.flatMap(({ failures }) => failures.map(({ id, kind }) => `${kind} ${id}`));
}

const FLASK: Options = {
  failregex: ['^<HOST> - .+(GET|POST).+ 401 .*$'],
  ignoreregex: ['\\.(?i)(jpg|jpeg|gif|png|pdf|js|txt)'],
};

test('processLine() finds who failed and when, and keeps the line', () => {
  const line = '10.2.1.99 - - [23/Jun/2024 22:29:27] "GET /restricted/ HTTP/1.1" 401 -';
  const [outcome] = run(FLASK, [line]);
  assert.equal(outcome?.result, 'matched');
  assert.equal(outcome?.time, NOW - 33);
  const [failure] = outcome?.failures ?? [];
  assert.deepEqual(
    [failure?.id, failure?.kind, failure?.regex, failure?.time],
    ['10.2.1.99', 'ip', 0, NOW - 33],
  );
  assert.deepEqual(failure?.matches, [line]);
});

test('a line is ignored when an ignoreregex matches what a failregex matched', () => {
  const at = '[23/Jun/2024 22:29:27]';
  const results = run(FLASK, [
    `10.2.1.99 - - ${at} "GET /logo.PNG HTTP/1.1" 401 -`,
    `10.2.1.99 - - ${at} "GET /logo.PNG HTTP/1.1" 200 -`,
    ' * Running on http://127.0.0.1:5000',
  ]).map(({ result }) => result);
  assert.deepEqual(results, ['ignored', 'missed', 'missed']);
});

test('in operation a date over 60 s off is read as now, with a warning', () => {
  const options = { failregex: ['^ fail <HOST>$'] };
  const [near, late, ahead] = run(options, [
    '2024-06-23T22:29:01 fail 192.0.2.1',
    '2024-06-23T22:10:00 fail 192.0.2.1',
    '2024-06-24T00:30:00 fail 192.0.2.1',
  ]);
  assert.deepEqual([near?.time, near?.warning], [NOW - 59, null]);
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
  const options = { failregex: ['^(?: start|fail <HOST>)$'] };
  const lines: [string, number][] = [
    ['2024-06-23T22:29:50 start', NOW],
    ['fail 192.0.2.1', NOW + 49],
    ['fail 192.0.2.1', NOW + 51],
  ];
  assert.deepEqual(
    run(options, lines).map(({ time }) => time),
    [NOW - 10, NOW - 10, NOW + 51],
  );
  const [alone] = run(options, ['fail 192.0.2.1'], 'catchup');
  assert.deepEqual([alone?.result, alone?.time], ['missed', null]);
});

test('prefregex must match, its content is what failregex sees, its groups are inherited', () => {
  const options = {
    prefregex: '^ sshd\\[<F-PID>\\d+</F-PID>\\]: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^Failed for <F-USER>\\S+</F-USER> from <HOST>$'],
  };
  const [hit, miss] = run(options, [
    '2024-06-23T22:29:50 sshd[7]: Failed for root from 192.0.2.1',
    '2024-06-23T22:29:50 cron[7]: Failed for root from 192.0.2.1',
  ]);
  assert.deepEqual(Object.fromEntries(hit?.failures[0]?.fields ?? []), {
    pid: '7',
    user: 'root',
    ip4: '192.0.2.1',
  });
  assert.equal(miss?.result, 'missed');
});

const SESSION: Options = {
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
  const filter = compile(SESSION);
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

test('the id is F-ID, else the address, with a CIDR its network, else the name as usedns wants it', () => {
  const ids = (failregex: string, text: string, usedns: UseDns = 'warn') =>
    idsOf(run({ failregex: [failregex], usedns }, [`2024-06-23T22:29:50 ${text}`]));
  assert.deepEqual(ids('<HOST>$', '::FFFF:192.0.2.1'), ['ip 192.0.2.1']);
  assert.deepEqual(ids('<HOST>$', '[2001:DB8:0::1]'), ['ip 2001:db8::1']);
  assert.deepEqual(ids('<SUBNET>$', '192.0.2.77/24'), ['net 192.0.2.0/24']);
  assert.deepEqual(ids('<ADDR>/<CIDR>$', '2001:db8::77/64'), ['net 2001:db8::/64']);
  assert.deepEqual(ids('<F-ID>\\S+@\\S+</F-ID>$', 'root@example'), ['id root@example']);
  assert.deepEqual(ids('<F-ID/>$', '192.0.2.0/24'), ['net 192.0.2.0/24']);
  assert.deepEqual(ids('<HOST>$', 'mail.example'), ['dns mail.example']);
  assert.deepEqual(ids('<HOST>$', 'mail.example', 'no'), []);
  assert.deepEqual(ids('<DNS>$', 'mail.example', 'no'), []);
  assert.deepEqual(ids('<HOST>$', 'mail.example', 'raw'), ['id mail.example']);
  assert.deepEqual(ids('<HOST>$', '192.0.2.300'), ['id 192.0.2.300']);
});

test('F-ALT_ fills what is empty, F-TUPLE_ makes the id a tuple', () => {
  const text = '2024-06-23T22:29:50 192.0.2.1 root';
  const alt = run({ failregex: ['<HOST> (?:x<F-USER>.</F-USER>|<F-ALT_USER_1>\\w+</F-ALT_USER_1>)$'] }, [
    text,
  ]);
  assert.equal(alt[0]?.failures[0]?.fields.get('user'), 'root');
  const tuple = run({ failregex: ['<F-ID><IP4></F-ID> <F-TUPLE_ID>\\w+</F-TUPLE_ID>$'] }, [text]);
  assert.deepEqual(idsOf(tuple), ["id ('192.0.2.1', 'root')"]);
  assert.equal(tuple[0]?.failures[0]?.fields.get('ip'), '192.0.2.1');
});

test('over several lines, skipped ones do not count and matched ones leave the window', () => {
  const options = { failregex: ['^ start (?P<id>\\d+)<SKIPLINES> fail (?P=id) <HOST>$'], maxlines: 3 };
  const at = '2024-06-23T22:29:50';
  const outcomes = run(options, [
    `${at} start 7`,
    `${at} other`,
    `${at} fail 7 192.0.2.1`,
    `${at} fail 7 192.0.2.1`,
  ]);
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ['missed', 'missed', 'matched', 'missed'],
  );
  assert.deepEqual(outcomes[2]?.failures[0]?.matches, [`${at} start 7`, `${at} fail 7 192.0.2.1`]);
});

test('checkAll tries every regex and tells all that match', () => {
  const filter = compile({ failregex: ['a <HOST>', 'b <HOST>', '<HOST>$'] });
  const line = { text: 'a 192.0.2.1', time: NOW };
  const all = processLine(filter, newFilterState(filter), line, {
    mode: 'test',
    findtime: 600,
    checkAll: true,
    now: NOW,
  });
  assert.deepEqual(all.hits, [0, 2]);
});

test('compileFilter() reports every mistake with its file and line', () => {
  const problems = problemsOf({
    failregex: ['^<HOST> ok$', '^<HOST> (broken', '^nobody$'],
    ignoreregex: ['*'],
    datepattern: '%Y(',
  });
  assert.deepEqual(problems.slice(0, 3).map(formatProblem), [
    'filter.d/x.conf:3: failregex: cannot read "^<HOST> (broken" at character 9: the group is not closed, ")" is missing',
    'filter.d/x.conf:2: ignoreregex: cannot read "*" at character 1: there is nothing that "*" could repeat',
    'filter.d/x.conf:4: failregex: "^nobody$" says nowhere who failed',
  ]);
  assert.equal(problems[0]?.hint, '^<HOST> (broken\n        ^');
  assert.equal(problems[3]?.key, 'datepattern');
});
