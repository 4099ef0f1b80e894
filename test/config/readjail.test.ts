import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, on, told } from './loading.ts';

test('variables of a jail that something refers to are no unknown options', () => {
  const config = load(on('my_log = /x\nlogpath = %(my_log)s\nother = 1\n'));
  assert.deepEqual(told(config), ['t:jail.d/web.conf:5: other: no such option; it has no effect']);
});

test('one mistake that several options meet is told once', () => {
  assert.deepEqual(told(load(on('maxretry = %(maxretries)s\n'))), [
    't:jail.d/web.conf:4: maxretry: cannot find "%(maxretries)s" (did you mean "maxretry"?)',
  ]);
});

test('a name that firewalls and files cannot hold is refused', () => {
  const named = (name: string): string[] =>
    told(load({ 'jail.conf': `[${name}]\nenabled = true\nfilter =\n` })).slice(0, 1);
  assert.match(named('a/b').join(), /cannot use "a\/b" as a jail's name: it holds a slash/);
  assert.match(named('-a').join(), /it begins with "-"/);
  assert.match(named('a'.repeat(26)).join(), /has 26 characters; firewalls show at most 25/);
});
