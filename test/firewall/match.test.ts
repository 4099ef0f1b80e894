import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../src/firewall/backend.ts';
import {
  canonicalOf,
  fingerprint,
  formatRange,
  isCanonical,
  matchesOf,
  mergePorts,
  timeoutOf,
} from '../../src/firewall/match.ts';

const RULE: Rule = { jail: 'a', ports: [[80, 80]], protocols: ['tcp'], chains: [], block: 'reject' };

test('ports come sorted, overlapping and touching ranges joined', () => {
  const merged = mergePorts([
    [443, 443],
    [80, 90],
    [85, 100],
    [101, 101],
    [22, 22],
  ]);
  assert.deepEqual(merged, [
    [22, 22],
    [80, 101],
    [443, 443],
  ]);
});

test('what is no port is refused', () => {
  for (const range of [
    [-1, 5],
    [5, 4],
    [1.5, 2],
    [0, 65536],
    [Number.NaN, 1],
  ] as const) {
    assert.throws(() => mergePorts([range]), /not a port range/);
  }
});

test('without protocols all ports mean all packets, and some ports every protocol that has ports', () => {
  const all = [{ protocol: null, ports: null, block: 'reject' }];
  assert.deepEqual(matchesOf({ ...RULE, ports: null, protocols: [] }, 4), all);
  assert.deepEqual(matchesOf({ ...RULE, ports: null, protocols: ['all'] }, 6), all);
  const numbers = matchesOf({ ...RULE, protocols: [] }, 4).map((match) => match.protocol);
  assert.deepEqual(numbers, [6, 17, 33, 132]);
});

test('icmp has no ports, and is ICMPv6 for IPv6', () => {
  const rule: Rule = { ...RULE, protocols: ['icmp', 'tcp'] };
  assert.deepEqual(matchesOf(rule, 4), [
    { protocol: 1, ports: null, block: 'reject' },
    { protocol: 6, ports: [[80, 80]], block: 'reject' },
  ]);
  assert.equal(matchesOf(rule, 6)[0]?.protocol, 58);
});

test('only TCP is reset; whatever else the rule blocks is rejected', () => {
  const blocks = (rule: Rule) => matchesOf(rule, 4).map(({ protocol, block }) => `${protocol} ${block}`);
  const reset: Rule = { ...RULE, block: 'tcp-reset' };
  assert.deepEqual(blocks({ ...reset, protocols: ['tcp', 'udp'] }), ['6 tcp-reset', '17 reject']);
  assert.deepEqual(blocks({ ...reset, ports: null, protocols: [] }), ['6 tcp-reset', 'null reject']);
});

test('formatRange() writes a single port as it is, and a range with what stands between', () => {
  assert.deepEqual(
    [formatRange([80, 80]), formatRange([80, 90]), formatRange([80, 90], ':')],
    ['80', '80-90', '80:90'],
  );
});

test('the fingerprint changes with everything a rule says, and not with how its ports are written', () => {
  const others: Rule[] = [
    { ...RULE, ports: [[81, 81]] },
    { ...RULE, ports: null },
    { ...RULE, protocols: ['udp'] },
    { ...RULE, chains: ['FORWARD'] },
    { ...RULE, block: 'drop' },
  ];
  const marks = new Set([RULE, ...others].map((rule) => fingerprint(rule, '')));
  assert.equal(marks.size, 6);
  assert.equal(
    fingerprint(
      {
        ...RULE,
        ports: [
          [1, 2],
          [3, 4],
        ],
      },
      '',
    ),
    fingerprint({ ...RULE, ports: [[1, 4]] }, ''),
  );
});

test('a time-out is whole seconds, at least one, at most what the firewall can', () => {
  assert.equal(timeoutOf(null, 1000, 50), null);
  assert.equal(timeoutOf(1010.2, 1000, 50), 11);
  assert.equal(timeoutOf(999, 1000, 50), 1);
  assert.equal(timeoutOf(9999, 1000, 50), 50);
});

test('addresses as programs print them become canonical', () => {
  assert.equal(canonicalOf('1.2.3.4'), '1.2.3.4');
  assert.equal(canonicalOf('1.2.3.4/32'), '1.2.3.4');
  assert.equal(canonicalOf('fd02::/128'), 'fd02::');
  assert.equal(canonicalOf('::1.2.3.4'), '::102:304');
  assert.equal(canonicalOf('10.0.0.0/8'), '10.0.0.0/8');
});

test('isCanonical() takes the one spelling, and never a whole family', () => {
  for (const good of ['1.2.3.4', '10.0.0.0/8', '2001:db8::', '2001:db8::/64', '128.0.0.0/1'])
    assert.ok(isCanonical(good), good);
  for (const bad of [
    '1.2.3.4/32',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1/8',
    '2001:DB8::',
    '1.2.3',
    '::ffff:1.2.3.4',
    ' 1.2.3.4',
  ]) {
    assert.ok(!isCanonical(bad), bad);
  }
});
