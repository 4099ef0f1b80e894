import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../../src/base/process.ts';
import type { Rule } from '../../src/firewall/backend.ts';
import { Enforcer } from '../../src/firewall/enforcer.ts';
import { nftables } from '../../src/firewall/nftables/nftables.ts';
import type { FirewallPlan } from '../../src/firewall/plan.ts';
import { WAITING } from '../../src/firewall/queue.ts';
import { addBan, type Ban, emptyState } from '../../src/state/state.ts';

const RULE: Rule = { jail: 'sshd', ports: null, protocols: [], chains: [], block: 'drop' };
const PLAN: FirewallPlan = {
  sections: [{ firewall: nftables(), rules: [RULE] }],
  rulesByJail: new Map([
    ['sshd', [{ kind: 'nftables', rule: 'sshd' }]],
    ['mail', []],
    ['bad', []],
  ]),
  troubles: new Map([['bad', 'no firewall program found']]),
  notes: [],
};

function enforcing() {
  const state = emptyState();
  const troubles: string[] = [];
  let changes = 0;
  const enforcer = new Enforcer(PLAN, {
    state,
    run: async (): Promise<Output> => ({ exitCode: 0, stdout: '', stderr: '', trouble: null }),
    env: {},
    dryRun: true,
    saved: async () => undefined,
    locked: async (work) => {
      await work();
      return true;
    },
    onChanged: () => {
      changes++;
    },
    onTrouble: (_, text) => void troubles.push(text),
    now: () => 1000,
  });
  return { state, troubles, enforcer, changes: () => changes };
}

test('firstReason() says what a ban waits for, null where no firewall blocks it', () => {
  const { enforcer } = enforcing();
  assert.equal(enforcer.firstReason('sshd', '192.0.2.1'), WAITING);
  assert.equal(enforcer.firstReason('sshd', 'alice'), null);
  assert.equal(enforcer.firstReason('mail', '192.0.2.1'), null);
  assert.equal(enforcer.firstReason('bad', '192.0.2.1'), 'no firewall program found');
});

test('a ban is pending until the firewall confirmed it, and that is told', async () => {
  const { state, enforcer, changes } = enforcing();
  const ban: Ban = {
    ...{ at: 1000, until: null, failures: 3, count: 1, origin: 'log' },
    ...{ matches: [], pending: WAITING },
  };
  addBan(state, 'sshd', '192.0.2.1', ban);
  enforcer.add('sshd', '192.0.2.1', null);
  await enforcer.idle();
  assert.equal(ban.pending, null);
  assert.equal(changes(), 1);
  await enforcer.close();
});

test('a jail whose firewall cannot be had is told once', async () => {
  const { troubles, enforcer } = enforcing();
  await enforcer.close();
  assert.deepEqual(troubles, ['[bad] no firewall program found']);
});
