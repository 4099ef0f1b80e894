import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTable } from '../../../src/firewall/nftables/table.ts';

test('readTable() reads plain, timed and prefix elements of its own table only', () => {
  const set = { family: 'inet', name: 's', table: 'f2b', type: 'ipv4_addr', size: 9, flags: ['timeout'] };
  const elem = [
    '1.2.3.4',
    { elem: { val: '1.2.3.5', timeout: 60, expires: 59 } },
    { prefix: { addr: '10.0.0.0', len: 8 } },
    { range: ['1.1.1.1', '1.1.1.3'] },
  ];
  const items = [
    { metainfo: { version: '1.0.6' } },
    { table: { family: 'inet', name: 'f2b' } },
    { set: { ...set, elem } },
    { set: { ...set, table: 'other', name: 'foreign' } },
    { set: { ...set, family: 'ip', name: 'foreign' } },
    { chain: { family: 'inet', table: 'f2b', name: 'c', hook: 'input', prio: -1 } },
    { chain: { family: 'inet', table: 'f2b', name: 'plain' } },
    { rule: { family: 'inet', table: 'f2b', chain: 'c', comment: 'x', expr: [{ drop: null }] } },
  ];
  const table = readTable(JSON.stringify({ nftables: items }), 'f2b');
  assert.deepEqual(table.sets, [
    {
      name: 's',
      type: 'ipv4_addr',
      size: 9,
      elements: [
        { address: '1.2.3.4', expires: null },
        { address: '1.2.3.5', expires: 59 },
        { address: '10.0.0.0/8', expires: null },
      ],
    },
  ]);
  assert.deepEqual(table.chains, [
    { name: 'c', hook: 'input', priority: -1 },
    { name: 'plain', hook: '', priority: null },
  ]);
  assert.deepEqual(table.rules, [{ chain: 'c', comment: 'x', text: '[{"drop":null}]' }]);
});

test('readTable() without output is an empty table; what is no JSON throws', () => {
  assert.deepEqual(readTable('', 'f2b'), { chains: [], sets: [], rules: [] });
  assert.throws(() => readTable('{', 'f2b'));
});
