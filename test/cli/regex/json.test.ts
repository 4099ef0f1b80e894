import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJson } from '../../../src/cli/regex/json.ts';
import { NOW, reportOf } from './tried.ts';

test('formatJson() numbers lines and regexes from 1, and leaves out what the id says already', () => {
  const report = reportOf('^bad <F-USER>\\w+</F-USER> <HOST>$', 'bad root 192.0.2.7');
  assert.deepEqual(JSON.parse(formatJson(3, report)), {
    ...{ line: 3, result: 'matched', regex: 1, id: '192.0.2.7', time: NOW },
    fields: { user: 'root' },
  });
});

test('formatJson() tells a missed and an ignored line', () => {
  const missed = JSON.parse(formatJson(1, reportOf('^bad <HOST>$', 'good')));
  assert.deepEqual([missed.result, missed.regex, missed.id], ['missed', null, null]);
  const ignored = JSON.parse(formatJson(1, reportOf('^bad <HOST>$', 'bad 192.0.2.7', ['2\\.7$'])));
  assert.deepEqual([ignored.result, ignored.regex], ['ignored', 1]);
});
