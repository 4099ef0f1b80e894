import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { overlayTree } from '../../src/config/tree.ts';
import { FILTER, told, treeOf } from './loading.ts';

const EMBEDDED = treeOf({
  'filter.d/web.conf': FILTER,
  'jail.d/web.conf': '[web]\nlogpath = /l\nport = 80\nmaxretry = 7\nbantime = 1h\n',
  'jail.d/recidive.conf': '[recidive]\nfilter = web\nlogpath = /l\nbantime = 1w\n',
});

const valuesOf = (text: string): unknown[] => {
  const upper = treeOf({ 'jail.local': `${text}[recidive]\nenabled = true\n` });
  const config = loadConfig(overlayTree(upper, EMBEDDED));
  assert.deepEqual(told(config), []);
  return config.jails.map(({ name, bantime, maxretry, place }) => [name, bantime, maxretry, place.file]);
};

test('a default of the admin wins over the value of an embedded jail, but not of recidive', () => {
  const on = '[web]\nenabled = true\n';
  const recidive = ['recidive', 604800, 5, 't:jail.local'];
  assert.deepEqual(valuesOf(`[DEFAULT]\nbantime = 2h\n${on}`), [recidive, ['web', 7200, 7, 't:jail.local']]);
  assert.deepEqual(valuesOf(on)[1], ['web', 3600, 7, 't:jail.local']);
});

test("a value of the jail's own section wins over both", () => {
  const both = valuesOf('[DEFAULT]\nbantime = 2h\n[web]\nenabled = true\nbantime = 3h\n');
  assert.deepEqual(both[1], ['web', 10800, 7, 't:jail.local']);
});

test('ports and logs of an embedded jail stay: they say what the service is', () => {
  const text = '[DEFAULT]\nlogpath = /other\n[web]\nenabled = true\n';
  const config = loadConfig(overlayTree(treeOf({ 'jail.local': text }), EMBEDDED));
  assert.equal(config.jails[0]?.logpath[0]?.glob, '/l');
});
