import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../../../src/base/process.ts';
import type { Rule } from '../../../src/firewall/backend.ts';
import { kernelStands, readKernel } from '../../../src/firewall/firewalld/kernel.ts';

const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'reject' };
const said = (stdout: string): Output => ({ exitCode: 0, stdout, stderr: '', trouble: null });
const NONE: Output = { exitCode: 1, stdout: '', stderr: 'not there', trouble: null };

const table = (...items: object[]) =>
  said(JSON.stringify({ nftables: items.map((item) => withTable(item)) }));
const withTable = (item: object) =>
  Object.fromEntries(
    Object.entries(item).map(([kind, body]) => [kind, { family: 'inet', table: 'firewalld', ...body }]),
  );
const set = (name: string, type: string, elem: unknown[] = []) => ({ set: { name, type, elem } });
const use = (name: string) => ({ rule: { chain: 'c', expr: [{ match: { right: `@${name}` } }] } });

test('readKernel() finds sets, entries and uses in nftables', () => {
  const kernel = readKernel([
    table(
      set('f2bf.a-4', 'ipv4_addr', ['192.0.2.1', { prefix: { addr: '198.51.100.0', len: 24 } }]),
      set('f2bf.a-6', 'ipv6_addr'),
      set('theirs', 'ipv4_addr'),
      use('f2bf.a-4'),
      use('f2bf.a-6'),
    ),
    ...[NONE, NONE, NONE],
  ]);
  assert.deepEqual(kernel.sets.get('f2bf.a-4'), {
    isOdd: false,
    entries: ['192.0.2.1', '198.51.100.0/24'],
  });
  assert.deepEqual([...kernel.sets.keys()], ['f2bf.a-4', 'f2bf.a-6']);
  assert.ok(kernelStands(RULE, kernel));
});

test('a set that is missing, of another type or used by no rule does not stand', () => {
  const sets = [set('f2bf.a-4', 'ipv4_addr'), set('f2bf.a-6', 'ipv6_addr')];
  const rest = [NONE, NONE, NONE];
  assert.ok(!kernelStands(RULE, readKernel([NONE, ...rest])));
  assert.ok(!kernelStands(RULE, readKernel([table(...sets, use('f2bf.a-4')), ...rest])));
  const odd = [set('f2bf.a-4', 'inet_service'), set('f2bf.a-6', 'ipv6_addr')];
  assert.ok(!kernelStands(RULE, readKernel([table(...odd, use('f2bf.a-4'), use('f2bf.a-6')), ...rest])));
});

test('readKernel() finds the same in ipset and iptables', () => {
  const save = 'create f2bf.a-4 hash:net family inet hashsize 1024 maxelem 9\nadd f2bf.a-4 192.0.2.1\n';
  const kernel = readKernel([
    NONE,
    said(`${save}create f2bf.a-6 hash:net family inet6 hashsize 1024 maxelem 9\n`),
    said('-A INPUT -m set --match-set f2bf.a-4 src -j REJECT\n'),
    said('-A INPUT -m set --match-set f2bf.a-6 src -j REJECT\n'),
  ]);
  assert.deepEqual(kernel.sets.get('f2bf.a-4')?.entries, ['192.0.2.1']);
  assert.ok(kernelStands(RULE, kernel));
});
