import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readState } from '../../src/state/json.ts';
import {
  addBan,
  addOrder,
  type Ban,
  emptyState,
  expireBans,
  jailState,
  nextExpiry,
  purgePast,
  type State,
} from '../../src/state/state.ts';
import { printState } from './print.ts';

/** Written by f2b of commit 731642d: nftables and the journal, rotated logs, a daemon that was killed, commands after it. */
const WRITTEN = readFileSync(join(import.meta.dirname, '731642d.state'), 'utf8');

function stateOf(text: string): State {
  const read = readState(text);
  if (read.kind !== 'ok') assert.fail(read.kind === 'damaged' ? read.reason : read.kind);
  return read.state;
}

const ban = (until: number | null): Ban => ({
  at: 1000,
  until,
  failures: 3,
  count: 1,
  origin: 'log',
  matches: [],
  pending: null,
});

test('readState() reads what printState() printed', () => {
  const state = emptyState();
  jailState(state, 'sshd').failures.set('__proto__', {
    retry: 2,
    first: 1,
    last: 2,
    failures: 2,
    matches: ['x'],
  });
  addBan(state, 'a jail', '2001:db8::/64', { ...ban(null), pending: 'set full' });
  addOrder(state, { kind: 'ban', jail: 'sshd', id: '192.0.2.8', ban: ban(7) });
  const position = { kind: 'journal', cursor: 's=1', realtime: 12 };
  state.positions.set('journal', position);
  const waiting = { jail: 'sshd', id: 'bad.example', isName: true, time: 4, matches: ['a "line"'] };
  state.waiting = [waiting, { ...waiting, id: '192.0.2.1', isName: false }].map((one) => {
    return { ...one, fields: new Map([['user', 'x']]) };
  });
  const { failures } = jailState(state, 'sshd');
  failures.set('plain', { retry: 1, first: 1.5, last: 2, failures: 1, matches: [] });
  jailState(state, 'sshd').past.set('192.0.2.9', { count: 2, last: 5, until: null });
  state.repairs.set('nftables', { count: 1, last: 2 });
  state.sources.set('/var/log/secure', {
    state: 'reading',
    trouble: null,
    openedAt: 1,
    lastLine: null,
    bytes: 2,
    lag: 0,
    waitingSince: null,
    errors: 0,
    cutLines: 0,
    skippedBytes: 0,
    rotations: 0,
    truncations: 0,
    lostFiles: 0,
    jails: {
      sshd: {
        ...{ lastMatch: 3, sampled: 4, dated: 4, prefixed: null },
        stuck: [{ regex: null, text: '^x', from: 16, strikes: 3, skipped: 1, line: 'x', last: 2 }],
      },
    },
  });
  const read = readState(printState(state, 5));
  assert.equal(read.kind, 'ok');
  if (read.kind !== 'ok') return;
  assert.deepEqual(read.state, { ...state, saved: 5 });
  const counts = ({ jails }: State) => [...jails].map(([name, jail]) => [name, new Map(jail.failures)]);
  assert.deepEqual(counts(read.state), counts(state));
});

test('readState() calls a file damaged or newer, and never half-reads it', () => {
  const whole = printState(emptyState(), 5);
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"version":1}',
    whole.slice(0, -8),
    whole.replace('"seq":0', '"seq":"x"'),
  ]) {
    assert.equal(readState(text).kind, 'damaged', text);
  }
  assert.deepEqual(readState(whole.replace('"version":1', '"version":2')), { kind: 'newer', version: 2 });
});

test('a state of commit 731642d is read with nothing lost', () => {
  const state = stateOf(WRITTEN);
  assert.deepEqual(JSON.parse(printState(state, state.saved)), JSON.parse(WRITTEN));
});

test('a state of commit 731642d holds what its parts say', () => {
  const { jails, positions, waiting, orders, repairs, sources, seq, saved } = stateOf(WRITTEN);
  const bansOf = (jail: string) => [...(jails.get(jail)?.bans ?? [])];
  assert.deepEqual([...jails.keys()], ['web', 'mail', 'ever', 'slow', 'app']);
  assert.deepEqual([...(jails.get('web')?.failures ?? [])].at(-1), [
    '2001:db8::/64',
    { retry: 1, first: 1796079415, last: 1796079415, failures: 1, matches: [] },
  ]);
  assert.deepEqual(
    [...(jails.get('web')?.failures ?? [])].map(([id, { failures }]) => [id, failures]),
    [
      ['192.0.2.9', 2],
      ['192.0.2.11', 1],
      ['192.0.2.12', 1],
      ['2001:db8::/64', 1],
    ],
  );
  assert.equal([...(jails.get('mail')?.failures ?? [])][0]?.[1].matches.length, 2, 'with its lines');
  assert.deepEqual(
    bansOf('web').map(([id, { origin, count, confirmed }]) => [id, origin, count, confirmed?.until]),
    [
      ['203.0.113.1', 'log', 2, undefined],
      ['198.51.100.1', 'hand', 1, undefined],
      ['198.51.100.2', 'hand', 1, 1796115419.165],
    ],
    'the second one of an offender, one by hand, one on trial',
  );
  assert.deepEqual(
    bansOf('ever').map(([id, { until }]) => [id, until]),
    [
      ['203.0.113.20', null],
      ['198.51.100.0/24', null],
    ],
  );
  assert.deepEqual(jails.get('mail')?.past.get('203.0.113.10'), {
    count: 1,
    last: 1796079415,
    until: 1796115415,
  });
  assert.deepEqual(
    [...positions].map(([key, { kind }]) => [key, kind]),
    [
      ['/srv/log/web.log', 'file'],
      ['/srv/log/mail-a.log [iso-8859-1]', 'file'],
      ['/srv/log/ever.log', 'file'],
      ['/srv/log/slow.log', 'file'],
      ['journal SYSLOG_IDENTIFIER=app', 'journal'],
    ],
  );
  assert.deepEqual(
    waiting.map(({ jail, id, fields }) => [jail, id, fields.get('user')]),
    [
      ['slow', '192.0.2.40', 'r\u00f6\u00f6t'],
      ['slow', '2001:db8::40', 'r\u00f6\u00f6t'],
    ],
  );
  assert.deepEqual(
    orders.map((order) => [order.seq, order.kind, order.id]),
    [
      [6, 'ban', '198.51.100.3'],
      [7, 'ban', '2001:db8::/64'],
      [8, 'unban', '203.0.113.10'],
    ],
  );
  assert.deepEqual(repairs.get('nftables'), { count: 1, last: 1796079418.91 });
  assert.deepEqual([sources.get('/srv/log/web.log')?.rotations, sources.size], [2, 5]);
  assert.deepEqual([seq, saved], [8, 1796079423.835]);
});

/** A place in the state by its keys, and what stands there instead; undefined: the key is gone. */
type Damage = readonly [path: readonly (string | number)[], value: unknown];

function damaged(text: string, [path, value]: Damage): string {
  const json: unknown = JSON.parse(text);
  let at: unknown = json;
  for (const key of path.slice(0, -1)) at = Reflect.get(Object(at), key);
  Reflect.set(Object(at), path.at(-1) ?? '', value);
  return JSON.stringify(json);
}

const WEB = ['jails', 'web'] as const;
const LOG = ['positions', '/srv/log/web.log'] as const;
const JOURNAL = ['positions', 'journal SYSLOG_IDENTIFIER=app'] as const;

const DAMAGES: readonly (readonly [...Damage, reason: RegExp])[] = [
  [['version'], 0, /^there is no version 0$/],
  [['version'], '1', /^it has no version$/],
  [['jails'], [], /^jails is not an object$/],
  [['jails'], undefined, /^jails is not an object$/],
  [['jails', 'web'], [], /^jails web: it is not an object$/],
  [['seq'], -1, /^seq is not a count$/],
  [['seq'], 2 ** 53, /^seq is not a count$/],
  [['saved'], null, /^saved is not a number$/],
  [[...WEB, 'totalFailed'], '14', /^jails web: totalFailed is not a number$/],
  [[...WEB, 'totalBanned'], 1.5, /totalBanned is not a count/],
  [[...WEB, 'failures'], undefined, /^jails web: failures is not an object$/],
  [
    [...WEB, 'failures', '192.0.2.9'],
    [2, 1, 1, 2],
    /^jails web: failures 192\.0\.2\.9: it is not an object$/,
  ],
  [[...WEB, 'failures', '192.0.2.9', 'failures'], -2, /failures 192\.0\.2\.9: failures is not a count/],
  [[...WEB, 'failures', '192.0.2.9', 'last'], undefined, /last is not a number/],
  [[...WEB, 'failures', '192.0.2.9', 'matches'], 'line', /matches is not a list/],
  [[...WEB, 'failures', '192.0.2.9', 'matches'], [{}], /a line of matches is not a text/],
  [[...WEB, 'bans', '203.0.113.1', 'until'], 'tomorrow', /bans 203\.0\.113\.1: until is not a number/],
  [[...WEB, 'bans', '203.0.113.1', 'until'], undefined, /until is not a number/],
  [[...WEB, 'bans', '203.0.113.1', 'count'], 1e300, /count is not a count/],
  [[...WEB, 'bans', '203.0.113.1', 'pending'], {}, /pending is not a text/],
  [[...WEB, 'bans', '198.51.100.2', 'confirmed'], 1796115419, /it is not an object/],
  [[...WEB, 'bans', '\u0000\u001b[2J'], null, /^jails web: bans \\x00\\x1b\[2J: it is not an object$/],
  [[...WEB, 'past', '203.0.113.1'], { count: 1 }, /past 203\.0\.113\.1: last is not a number/],
  [[...LOG], { kind: 'file' }, /^positions \/srv\/log\/web\.log: it is no position of a log source$/],
  [[...LOG], {}, /no position/],
  [[...LOG], 620, /no position/],
  [[...LOG, 'seen'], '1796079422', /no position/],
  [[...LOG, 'files'], {}, /no position/],
  [[...LOG, 'files', 0], null, /no position/],
  [[...LOG, 'files', 0, 'offset'], -1, /no position/],
  [[...LOG, 'files', 0, 'offset'], 2 ** 60, /no position/],
  [[...LOG, 'files', 0, 'ino'], 819412, /no position/],
  [[...LOG, 'files', 0, 'tail'], undefined, /no position/],
  [[...JOURNAL, 'cursor'], null, /no position/],
  [[...JOURNAL, 'realtime'], -5, /no position/],
  [[...JOURNAL, 'realtime'], 1e300, /no position/],
  [['positions'], [], /^positions is not an object$/],
  [['waiting'], {}, /^waiting is not a list$/],
  [['waiting', 0, 'jail'], undefined, /jail is not a text/],
  [['waiting', 0, 'id'], 7, /id is not a text/],
  [['waiting', 0, 'time'], '1796079418', /time is not a number/],
  [['waiting', 0, 'fields', 'user'], ['x'], /fields user: it is not a text/],
  [['orders'], undefined, /^orders is not a list$/],
  [['orders', 0, 'kind'], 'bann', /^there is no order "bann"$/],
  [['orders', 0, 'ban'], undefined, /it is not an object/],
  [['orders', 2, 'id'], null, /id is not a text/],
  [['orders', 2, 'seq'], '8', /seq is not a number/],
  [['repairs', 'nftables'], 1, /repairs nftables: it is not an object/],
  [['sources'], [], /^sources is not an object$/],
  [['sources', '/srv/log/web.log'], 'reading', /sources \/srv\/log\/web\.log: it is not an object/],
  [['sources', '/srv/log/web.log', 'jails', 'web', 'stuck'], {}, /stuck is not a list/],
];

for (const [path, value, reason] of DAMAGES) {
  test(`a state whose ${path.join(' ')} is ${JSON.stringify(value)} is damaged, and where is told`, () => {
    const read = readState(damaged(WRITTEN, [path, value]));
    assert.equal(read.kind, 'damaged');
    if (read.kind === 'damaged') assert.match(read.reason, reason);
  });
}

test('a ban that never ends is written as such, also when its end is no finite number', () => {
  const state = emptyState();
  addBan(state, 'sshd', '192.0.2.1', ban(Number.POSITIVE_INFINITY));
  assert.equal(stateOf(printState(state, 5)).jails.get('sshd')?.bans.get('192.0.2.1')?.until, null);
});

test('what is only shown may be missing or of a wrong type', () => {
  const source = ['sources', '/srv/log/web.log'] as const;
  const odd: readonly Damage[] = [
    [[...source, 'bytes'], 'many'],
    [[...source, 'state'], undefined],
    [[...source, 'trouble'], 7],
    [[...source, 'jails', 'web', 'lastMatch'], []],
    [[...source, 'jails', 'web', 'stuck'], [{ strikes: 3, text: 4 }]],
  ];
  const { sources } = stateOf(odd.reduce(damaged, WRITTEN));
  const web = sources.get('/srv/log/web.log');
  assert.deepEqual([web?.bytes, web?.state, web?.trouble, web?.rotations], [0, '', null, 2]);
  assert.deepEqual(web?.jails['web'], {
    ...{ lastMatch: null, sampled: 3, dated: 3, prefixed: null },
    stuck: [{ regex: null, from: null, text: '', line: '', strikes: 3, skipped: 0, last: 0 }],
  });
});

test('unknown keys, and positions of a kind that a later f2b may know, do no harm', () => {
  const later = { kind: 'kafka', partition: 3 };
  const text = damaged(damaged(WRITTEN, [['weather'], 'fine']), [['positions', 'kafka'], later]);
  assert.deepEqual(stateOf(text).positions.get('kafka'), later);
});

test('of an id that stands twice the last one counts', () => {
  const one = '"192.0.2.9":{"retry":2,';
  const text = WRITTEN.replace(one, `"192.0.2.9":{"retry":7,"first":1,"last":2,"failures":9},${one}`);
  assert.equal(stateOf(text).jails.get('web')?.failures.get('192.0.2.9')?.failures, 2);
});

test('a NUL, a byte-order mark and an end that is missing make a damaged file', () => {
  for (const text of [
    `\ufeff${WRITTEN}`,
    `${WRITTEN}\0`,
    `\0${WRITTEN}`,
    WRITTEN.replace('"seq"', '"s\0q"'),
  ]) {
    assert.match(readState(text).kind, /damaged/);
  }
  for (let at = 0; at < WRITTEN.length - 2; at += 97) {
    assert.equal(readState(WRITTEN.slice(0, at)).kind, 'damaged', `cut at ${at}`);
  }
});

/** Every place of a value, from its root on. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}

test('law: whatever stands at whatever place, the state is damaged or can be used and is written as it is read', () => {
  const odd = [
    null,
    true,
    -1,
    0.5,
    1e300,
    -1e300,
    2 ** 53,
    '',
    '7',
    '\u0000',
    [],
    [[]],
    {},
    { kind: 'file' },
    undefined,
  ];
  for (const path of placesIn(JSON.parse(WRITTEN))) {
    for (const value of odd) {
      const read = readState(damaged(WRITTEN, [path, value]));
      if (read.kind !== 'ok') continue;
      const { state } = read;
      const text = printState(state, 5);
      assert.equal(printState(stateOf(text), 5), text, `${path.join(' ')}: ${JSON.stringify(value)}`);
      nextExpiry(state);
      expireBans(state, 2e9);
      purgePast(state, 3e9, 60);
      for (const jail of state.jails.values()) jail.failures.sweep(2e9);
      addOrder(state, { kind: 'unban', jail: 'web', id: '203.0.113.1' });
      assert.equal(readState(printState(state, 6)).kind, 'ok', `${path.join(' ')}: ${JSON.stringify(value)}`);
    }
  }
});
