import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jailOfSet } from '../../../src/cli/transfer/sets.ts';

test('jailOfSet() knows the sets and chains of fail2ban and of f2b', () => {
  for (const name of [
    ...['addr-set-sshd', 'addr6-set-sshd', 'f2b-sshd', 'f2b-sshd6', 'fail2ban-sshd'],
    ...['addr4-sshd', 'net6-64-sshd', 'f2b.sshd-4', 'f2b.sshd-6+'],
  ])
    assert.equal(jailOfSet(name), 'sshd', name);
  assert.equal(jailOfSet('blocklist'), null);
});
