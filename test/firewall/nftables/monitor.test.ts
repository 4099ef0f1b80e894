import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monitorReader } from '../../../src/firewall/nftables/monitor.ts';

test('monitorReader() names the author of a change that concerns us, and of no other', () => {
  const read = monitorReader(/\binet f2b\b/);
  const lines = [
    'add table ip nat',
    '# new generation 2 by process 11 (dockerd)',
    'add table ip x',
    'delete element inet f2b addr4-web { 192.0.2.7 }',
    '# new generation 3 by process 12 (nft (odd) name)',
    '# new generation 4 by process 13 (nft)',
    'delete table inet f2b',
    '# new generation 5',
  ];
  const authors = lines.map(read).filter((author) => author !== null);
  assert.deepEqual(authors, [
    { pid: 12, name: 'nft (odd) name' },
    { pid: null, name: null },
  ]);
});
