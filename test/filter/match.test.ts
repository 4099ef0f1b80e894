import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import { ignoresFirst } from '../../src/filter/match.ts';
import { type FilterParts, filterOf, idsOf, NOW, run } from './filterof.ts';

const AT = '2024-06-23T22:29:50';

const FLASK: FilterParts = {
  failregex: ['^<HOST> - .+(GET|POST).+ 401 .*$'],
  ignoreregex: ['\\.(?i)(jpg|jpeg|gif|png|pdf|js|txt)'],
};

test('a line is ignored when an ignoreregex matches what a failregex matched', () => {
  const at = '[23/Jun/2024 22:29:27]';
  const results = run(FLASK, [
    `10.2.1.99 - - ${at} "GET /logo.PNG HTTP/1.1" 401 -`,
    `10.2.1.99 - - ${at} "GET /logo.PNG HTTP/1.1" 200 -`,
    ' * Running on http://127.0.0.1:5000',
  ]).map(({ result }) => result);
  assert.deepEqual(results, ['ignored', 'missed', 'missed']);
});

test('prefregex must match, its content is what failregex sees, its groups are inherited', () => {
  const parts = {
    prefregex: '^ sshd\\[<F-PID>\\d+</F-PID>\\]: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^Failed for <F-USER>\\S+</F-USER> from <HOST>$'],
  };
  const [hit, miss] = run(parts, [
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

test('the address of prefregex stays where the optional one of failregex took no part', () => {
  const parts = {
    prefregex: '^ srv(?:\\(<ADDR>\\))? <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^(?:from <ADDR> )?failure$'],
  };
  const outcomes = run(parts, [
    `${AT} srv(192.0.2.1) failure`,
    `${AT} srv from 192.0.2.2 failure`,
    `${AT} srv(192.0.2.1) from 2001:db8::2 failure`,
    `${AT} srv failure`,
  ]);
  assert.deepEqual(idsOf(outcomes), ['ip 192.0.2.1', 'ip 192.0.2.2', 'ip 2001:db8::2']);
});

test('checkAll tries every regex and tells all that match', () => {
  const filter = filterOf({ failregex: ['a <HOST>', 'b <HOST>', '<HOST>$'] });
  const line = { text: 'a 192.0.2.1', time: NOW };
  const all = processLine(filter, newFilterState(filter), line, {
    mode: 'test',
    findtime: 600,
    checkAll: true,
    now: NOW,
  });
  assert.deepEqual(all.hits, [0, 2]);
});

test('the first failregex that matches is the one that counts', () => {
  const [outcome] = run({ failregex: ['^ no <HOST>$', '^ fail (?:at )?<HOST>$', '<HOST>$'] }, [
    `${AT} fail 192.0.2.1`,
  ]);
  assert.deepEqual([outcome?.result, outcome?.regex, outcome?.hits], ['matched', 1, [1]]);
});

test('an ignoreregex that matched is told by its number', () => {
  const parts = { failregex: ['<HOST>$'], ignoreregex: ['never', 'fail'] };
  const [outcome] = run(parts, [`${AT} fail 192.0.2.1`]);
  assert.deepEqual([outcome?.result, outcome?.regex, outcome?.hits], ['ignored', 1, []]);
});

test('few ignoreregexes before many failregexes are tried first, also behind no prefregex', () => {
  const few = filterOf({ failregex: ['a <HOST>', 'b <HOST>', 'c <HOST>', 'd <HOST>'], ignoreregex: ['x'] });
  const many = filterOf({ failregex: ['a <HOST>', 'b <HOST>', 'c <HOST>'], ignoreregex: ['x'] });
  const none = filterOf({ failregex: ['a <HOST>', 'b <HOST>', 'c <HOST>', 'd <HOST>'] });
  assert.deepEqual([few, many, none].map(ignoresFirst), [true, false, false]);
  const parts: FilterParts = {
    prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^a <HOST>', '^b <HOST>', '^c <HOST>', '^d <HOST>'],
    ignoreregex: ['cron'],
  };
  assert.deepEqual(
    run(parts, [`${AT} cron: x`, `${AT} other: x`]).map(({ result }) => result),
    ['ignored', 'missed'],
  );
});

test('a line says whether prefregex matched', () => {
  const parts = { prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT>$', failregex: ['^fail <HOST>$'] };
  const outcomes = run(parts, [`${AT} sshd: fail 192.0.2.1`, `${AT} sshd: x`, `${AT} cron: x`]);
  assert.deepEqual(
    outcomes.map(({ result, isPrefixed }) => [result, isPrefixed]),
    [
      ['matched', true],
      ['missed', true],
      ['missed', false],
    ],
  );
});

test('a prefregex whose content is empty leaves the whole line to failregex', () => {
  const parts = { prefregex: '^ sshd:<F-CONTENT>.*?</F-CONTENT>', failregex: ['^ sshd: fail <HOST>$'] };
  assert.deepEqual(idsOf(run(parts, [`${AT} sshd: fail 192.0.2.1`])), ['ip 192.0.2.1']);
});

test('F-NOFAIL makes a match a helper, and a name that is not wanted one of nobody', () => {
  const helpers = (outcome: ReturnType<typeof run>[number] | undefined) =>
    outcome?.helpers.map(({ kind, regex }) => ({ kind, regex }));
  const [helper] = run({ failregex: ['^ <F-NOFAIL>hello</F-NOFAIL> <HOST>$'] }, [`${AT} hello 192.0.2.1`]);
  assert.deepEqual([helper?.result, helpers(helper)], ['helper', [{ kind: 'helper', regex: 0 }]]);
  const [nobody] = run({ failregex: ['<DNS>$'], usedns: 'no' }, [`${AT} fail mail.example`]);
  assert.deepEqual([nobody?.result, helpers(nobody)], ['helper', [{ kind: 'nobody', regex: 0 }]]);
});

test('a line without any date is no failure, but in a test', () => {
  assert.equal(run({ failregex: ['^fail <HOST>$'] }, ['fail 192.0.2.1'], 'catchup')[0]?.result, 'missed');
  assert.equal(run({ failregex: ['^fail <HOST>$'] }, ['fail 192.0.2.1'], 'test')[0]?.result, 'matched');
});

test('mayMatch() leaves failregexes out', () => {
  const filter = filterOf({ failregex: ['fail <HOST>', '<HOST>$'] });
  const options = {
    mode: 'live',
    findtime: 600,
    now: NOW,
    mayMatch: (index: number) => index === 1,
  } as const;
  const line = { text: 'fail 192.0.2.1', time: NOW };
  assert.equal(processLine(filter, newFilterState(filter), line, options).regex, 1);
});
