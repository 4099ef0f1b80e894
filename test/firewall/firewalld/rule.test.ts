import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../../src/firewall/backend.ts';
import {
  FORWARD_POLICY,
  INPUT_POLICY,
  policiesOf,
  richRules,
  rulesOfPolicy,
} from '../../../src/firewall/firewalld/rule.ts';

const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'reject' };

test('richRules() spells rules as firewalld prints them', () => {
  assert.deepEqual(richRules(RULE, 4), [
    'rule family="ipv4" source ipset="f2bf.a-4" reject type="icmp-port-unreachable"',
  ]);
  assert.deepEqual(richRules({ ...RULE, ports: [[80, 90]], protocols: ['tcp'], block: 'drop' }, 6), [
    'rule family="ipv6" source ipset="f2bf.a-6" port port="80-90" protocol="tcp" drop',
  ]);
  assert.deepEqual(richRules({ ...RULE, block: 'tcp-reset' }, 4), [
    'rule family="ipv4" source ipset="f2bf.a-4" protocol value="tcp" reject type="tcp-reset"',
    'rule family="ipv4" source ipset="f2bf.a-4" reject type="icmp-port-unreachable"',
  ]);
});

test('every chain but INPUT belongs to the policy for forwarded packets', () => {
  assert.deepEqual(policiesOf(RULE), [INPUT_POLICY]);
  assert.deepEqual(policiesOf({ ...RULE, chains: ['INPUT', 'DOCKER-USER'] }), [INPUT_POLICY, FORWARD_POLICY]);
  assert.equal(rulesOfPolicy([RULE, { ...RULE, jail: 'b' }], INPUT_POLICY).length, 4);
  assert.deepEqual(rulesOfPolicy([RULE], FORWARD_POLICY), []);
});
