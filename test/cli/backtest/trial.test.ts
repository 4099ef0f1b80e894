import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from '../../../src/base/ip.ts';
import type { Outcome } from '../../../src/cli/backtest/replay.ts';
import { differenceOf, suspectsIn, type Trial } from '../../../src/cli/backtest/trial.ts';

const OWN = [parseNetwork('203.0.113.0/24')].filter((one) => one !== null);
const LOGINS = new Map([['192.0.2.1', new Set(['ann'])]]);

function trialOf(...ids: readonly string[]): Trial {
  const bans = ids.map((id) => ({ id, time: 1, until: 2 }));
  const outcome: Outcome = { bans, failures: 0, most: 0, mostAt: null, spared: new Map() };
  const settings = { maxretry: 1, findtime: 1, bantime: 1 };
  return { ...outcome, settings, suspects: suspectsIn(outcome, LOGINS, OWN) };
}

test('suspects: an address or a network with a login or of our own', () => {
  const { suspects } = trialOf('192.0.2.1', '192.0.2.2', '192.0.2.0/28', '203.0.113.9', 'a-name');
  assert.deepEqual(
    suspects.map(({ id, why }) => [id, ...why]),
    [
      ['192.0.2.1', 'logged in as ann'],
      ['192.0.2.0/28', 'logged in as ann'],
      ['203.0.113.9', 'in a network of --own'],
    ],
  );
});

test('who is gained and lost, attackers and suspects apart', () => {
  const difference = differenceOf(trialOf('192.0.2.1', '192.0.2.2'), trialOf('203.0.113.9', '192.0.2.3'));
  assert.deepEqual(difference, {
    gained: ['192.0.2.3'],
    lost: ['192.0.2.2'],
    suspectsGained: ['203.0.113.9'],
    suspectsLost: ['192.0.2.1'],
  });
});
