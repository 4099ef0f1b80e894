import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../src/config.ts';
import { readCases, sayConfig, treeOfCase } from './config/brokencases.ts';

const file = join(import.meta.dirname, 'script', 'broken-configurations.txt');
const cases = readCases(readFileSync(file, 'utf8'));

test('there are at least 40 broken configurations, each with a name of its own', () => {
  assert.ok(cases.length >= 40, `${cases.length}`);
  assert.equal(new Set(cases.map((one) => one.name)).size, cases.length);
});

for (const one of cases) {
  test(`broken: ${one.name}`, () => {
    assert.equal(sayConfig(loadConfig(treeOfCase(one))), one.expected);
  });
}
