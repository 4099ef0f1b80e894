import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpConfig } from '../../src/config/dump.ts';
import { load, on } from './loading.ts';

test('the dump is plain JSON with options, jails and problems', () => {
  const config = load(on('bantime = -1\nmaxtry = 2\n'));
  const dump = JSON.parse(dumpConfig(config));
  assert.equal(dump.jails.web.enabled, true);
  assert.equal(dump.jails.web.options.bantime, '-1');
  assert.equal(dump.jails.web.jail.bantime, null);
  assert.equal(dump.jails.web.jail.filter.failregex[0].text, '^<HOST> x$');
  assert.equal(dump.problems[0].message, 't:jail.d/web.conf:5: maxtry: no such option; it has no effect');
});

test('the dump has a formula as it is written, and what an action is planned to be', () => {
  const dump = JSON.parse(dumpConfig(load(on('bantime.formula = ban.Time * 2\nport = 80\n'))));
  assert.deepEqual(dump.jails.web.jail.increment.formula, { text: 'ban.Time * 2' });
  assert.deepEqual(dump.jails.web.jail.actions[0].rule.ports, [[80, 80]]);
});
