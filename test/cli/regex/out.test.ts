import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOut } from '../../../src/cli/regex/out.ts';
import { reportOf } from './tried.ts';

const [HIT] = reportOf('^(?:<F-USER>\\S+</F-USER>) from <HOST>$', "o'neil from 192.0.2.7").hits;
assert.ok(HIT !== undefined);
const out = (form: string) => formatOut(form, HIT);

test('formatOut() prints one field, or a text with tags', () => {
  assert.deepEqual([out('id'), out('ip'), out('user')], [['192.0.2.7'], ['192.0.2.7'], ["o'neil"]]);
  assert.deepEqual(out('msg'), ["o'neil from 192.0.2.7"]);
  assert.deepEqual(out('<F-USER>@<ip> <family> <ip-rev> <time> <failures> <what>'), [
    "o'neil@192.0.2.7 inet4 7.2.0.192. 1124013600.0 1 <what>",
  ]);
  assert.deepEqual(out('a<br>b<sp>c'), ['a\nb c']);
});

test('a row is a tuple as Python prints it', () => {
  const [row = ''] = out('row');
  assert.match(row, /^\['192\.0\.2\.7',\t1124013600\.0,\t\{.*'user': "o'neil".*\}\],$/);
});

test('a line that is no failure prints nothing', () => {
  assert.deepEqual(formatOut('id', { ...HIT, failure: null }), []);
});
