import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEscalation, weightOf } from '../../src/ban/escalation.ts';
import { parseFormula } from '../../src/config/formula.ts';
import type { Increment } from '../../src/config/jail.ts';

const increment: Increment = {
  enabled: true,
  factor: 1,
  formula: null,
  multipliers: [],
  maxtime: null,
  rndtime: 0,
  overalljails: false,
};
const lengths = (more: Partial<Increment>, bans: number): (number | null)[] => {
  const escalate = makeEscalation({ ...increment, ...more }, () => 0.5);
  return Array.from({ length: bans }, (_, before) => escalate(600, before));
};

test('makeEscalation() doubles from the second ban on, and stops at maxtime', () => {
  assert.deepEqual(lengths({}, 5), [600, 1200, 2400, 4800, 9600]);
  assert.deepEqual(lengths({ maxtime: 3000 }, 4), [600, 1200, 2400, 3000]);
  assert.deepEqual(lengths({ enabled: false }, 3), [600, 600, 600]);
});

test('makeEscalation() takes multipliers, the last one from then on, and the factor', () => {
  assert.deepEqual(lengths({ multipliers: [1, 5, 30] }, 5), [600, 3000, 18000, 18000, 18000]);
  assert.deepEqual(lengths({ multipliers: [1, 5, 30], factor: 2 }, 3), [600, 6000, 36000]);
});

test('makeEscalation() adds up to rndtime, and leaves for ever as it is', () => {
  assert.deepEqual(lengths({ rndtime: 100 }, 2), [600, 1250]);
  assert.equal(makeEscalation(increment, () => 0)(null, 3), null);
});

test('makeEscalation() computes the documented formulas as fail2ban does', () => {
  const stock = 'ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor';
  assert.deepEqual(lengths({ formula: parseFormula(stock) }, 5), lengths({}, 5));
  const exponential = 'ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)';
  const factor = 2.0 / 2.885385;
  assert.deepEqual(
    lengths({ formula: parseFormula(exponential), factor }, 5).map((length) => Math.round(length ?? 0)),
    [600, 1200, 2400, 4800, 9600],
  );
});

test('weightOf() grows with the bans up to maxretry', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 9].map((before) => weightOf(increment, before, 5)),
    [1, 2, 3, 5, 5],
  );
  assert.equal(weightOf({ ...increment, enabled: false }, 3, 5), 1);
});
