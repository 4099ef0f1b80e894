import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { whyNoFilter } from '../../src/config/nofilter.ts';
import { load, told } from './loading.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

test('a filter of fail2ban that f2b has none for is refused with the reason', () => {
  const config = load({ 'jail.local': '[suhosin]\nenabled = true\nlogpath = /tmp/x\n' });
  assert.match(told(config).join(), /f2b has no filter "suhosin": Suhosin ended with PHP 5/);
});

test('any other name is only not found', () => {
  for (const name of ['sushosin', 'constructor', '']) assert.equal(whyNoFilter(name), null);
});

test('no name has both a filter and a reason against one', () => {
  for (const name of ['suhosin', 'wuftpd', 'exim-spam', 'kerio', 'tine20']) {
    assert.notEqual(whyNoFilter(name), null);
    assert.ok(!existsSync(`${ROOT}filter.d/${name}.conf`), name);
  }
});
