import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiesOf, familyFor, oncePerText, startsOnDemand, stepText } from '../../src/action/steps.ts';
import type { CommandAction } from '../../src/config/jail.ts';

const action = (
  options: Readonly<Record<string, string>>,
  options6: Readonly<Record<string, string>> = {},
): CommandAction => ({
  ...{ name: 'note', type: 'note', place: { file: 'test', line: 1 }, isCustom: false },
  ...{ kind: 'command', timeout: 60, startOnDemand: null, norestored: false, repairOnUnban: false },
  options: new Map(Object.entries(options)),
  options6: new Map(Object.entries(options6)),
});
const PLAIN = action({ actionban: ' echo <ip> ' });
const BOTH = action({ actionban: 'four', actionstart: 'start' }, { actionban: 'six' });

test('an action with other commands for IPv6 is one for each family', () => {
  assert.deepEqual([familiesOf(PLAIN), familiesOf(BOTH)], [[''], ['inet4', 'inet6']]);
  assert.deepEqual([familyFor(PLAIN, '2001:db8::1'), familyFor(BOTH, '2001:db8::1')], ['', 'inet6']);
  assert.deepEqual([familyFor(BOTH, '192.0.2.7'), familyFor(BOTH, 'alice')], ['inet4', 'inet4']);
});

test('stepText() is the command of the family, IPv4 where IPv6 has none of its own', () => {
  assert.deepEqual([stepText(PLAIN, 'actionban', ''), stepText(PLAIN, 'actionstop', '')], ['echo <ip>', '']);
  assert.deepEqual(
    [stepText(BOTH, 'actionban', 'inet6'), stepText(BOTH, 'actionstart', 'inet6')],
    ['six', 'start'],
  );
});

test('oncePerText() leaves out a family with the same command, unless the command names the family', () => {
  assert.deepEqual(oncePerText(BOTH, 'actionstart', ['inet4', 'inet6']), ['inet4']);
  assert.deepEqual(oncePerText(BOTH, 'actionban', ['inet4', 'inet6']), ['inet4', 'inet6']);
  const named = action({ actionstart: 'start <family>' }, { actionban: 'six' });
  assert.deepEqual(oncePerText(named, 'actionstart', ['inet4', 'inet6']), ['inet4', 'inet6']);
});

test('an action starts on demand when it says so, or has commands for each family', () => {
  assert.deepEqual([startsOnDemand(PLAIN), startsOnDemand(BOTH)], [false, true]);
  assert.equal(startsOnDemand({ ...PLAIN, startOnDemand: true }), true);
});
