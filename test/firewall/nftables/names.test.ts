import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../../src/firewall/backend.ts';
import {
  canaryOf,
  chainName,
  hooksOf,
  isDefault,
  parseChainName,
  parseUnitSet,
  UNITS,
  unitSetName,
} from '../../../src/firewall/nftables/names.ts';

const rule = (...chains: string[]): Rule => ({
  jail: 'a',
  ports: null,
  protocols: [],
  chains,
  block: 'drop',
});

test('parseUnitSet() reads what unitSetName() wrote, and no foreign name', () => {
  for (const unit of [...UNITS, { family: 4, prefix: 24 }, { family: 6, prefix: 48 }] as const)
    assert.deepEqual(parseUnitSet(unitSetName('sshd', unit)), { ...unit, tag: 'sshd' });
  assert.equal(unitSetName('sshd', { family: 6, prefix: 64 }), 'net6-64-sshd');
  for (const name of ['sshd', 'addr5-sshd', 'addr4-', 'mine']) assert.equal(parseUnitSet(name), null, name);
});

test('parseChainName() reads what chainName() wrote, and no foreign name', () => {
  const [hook] = hooksOf(rule());
  assert.ok(hook !== undefined);
  assert.equal(parseChainName(chainName('sshd', hook, null)), 'sshd');
  assert.equal(parseChainName(chainName('sshd', hook, { family: 4, prefix: 24 })), 'sshd');
  assert.equal(parseChainName('postrouting-sshd'), null);
});

test('a chain behind the translation of ports is a hook before it', () => {
  assert.deepEqual(hooksOf(rule()), [{ name: 'input', priority: -1 }]);
  assert.deepEqual(
    hooksOf(rule('INPUT', 'FORWARD')).map(({ name }) => name),
    ['input', 'forward'],
  );
  assert.deepEqual(hooksOf(rule('INPUT', 'DOCKER-USER')), [{ name: 'prerouting', priority: -101 }]);
});

test('the canary of a set is no source of a packet', () => {
  assert.deepEqual(UNITS.map(canaryOf), ['255.255.255.255', 'ff00::', 'ff00::']);
  assert.equal(canaryOf({ family: 4, prefix: 24 }), '255.255.255.0');
  assert.equal(canaryOf({ family: 4, prefix: 7 }), null);
  assert.ok(isDefault({ family: 6, prefix: 64 }) && !isDefault({ family: 6, prefix: 48 }));
});
