import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadFilter } from '../../../src/config/readfilter.ts';
import { diskTree } from '../../../src/config/tree.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { misdated } from '../../../src/filter/lint/dates.ts';
import { filterOf, NOW, run } from '../filterof.ts';

const ROOT = join(import.meta.dirname, '../../..');
const STOCK = '/etc/fail2ban';

/** A filter as people post it, and what misdated() proves: the line and the datepattern. */
const found = (failregex: string, datepattern?: string): readonly (string | null)[] => {
  const hit = misdated(
    filterOf(
      datepattern === undefined ? { failregex: [failregex] } : { failregex: [failregex], datepattern },
    ),
  );
  return hit === null ? [] : [hit.proof, hit.cure];
};

/** The ids of a line that was written now. */
const counted = (
  failregex: string,
  datepattern: string,
  line: string,
): readonly (number | null | undefined)[] =>
  run({ failregex: [failregex], datepattern }, [line], 'test').map(({ failures }) => failures[0]?.time);

test('misdated() proves that a name before the date hides the failure, and says the datepattern that prevents it', () => {
  const failregex = '^failed login for <F-USER>.*</F-USER> from <HOST> at $';
  const [proof, cure] = found(failregex);
  assert.equal(proof, 'failed login for 2020-01-01T00:00:00Z from 198.51.100.1 at 2026-11-30T20:00:07Z');
  assert.equal(cure, '({DATE})\\s*$');
  const line = 'failed login for 2020-01-01 00:00:00 from 192.0.2.7 at 2024-06-23 22:30:00';
  assert.deepEqual(counted(failregex, cure ?? '', line), [NOW]);
});

test('misdated() finds the date in a gap of the pattern, or behind an open end', () => {
  assert.deepEqual(found('^user <F-USER>.+</F-USER> \\[\\] denied from <HOST>$'), [
    'user 2020-01-01T00:00:00Z [2026-11-30T20:00:07Z] denied from 198.51.100.1',
    '^.*\\[({DATE})\\]',
  ]);
  assert.deepEqual(found('^failed login for .* from <HOST>'), [
    'failed login for 2020-01-01T00:00:00Z from 198.51.100.1 at 2026-11-30T20:00:07Z',
    '({DATE})\\s*$',
  ]);
});

test('misdated() finds a key of JSON that the engine does not know as a time', () => {
  assert.deepEqual(found('^\\{"user":"[^"]*","when":"","ip":"<HOST>","status":401\\}$'), [
    '{"user":"2020-01-01T00:00:00Z","when":"2026-11-30T20:00:07Z","ip":"198.51.100.1","status":401}',
    '"when":"({DATE})',
  ]);
});

test('misdated() has nothing to say where the engine protects', () => {
  for (const text of [
    '^<HOST> - .* \\[\\] "(GET|POST).*HTTP.*" 401',
    '^<HOST> -.*(GET|POST).*401',
    '^<HOST> \\- \\S+ \\[\\] \\"(GET|POST|HEAD) .+\\" 401 .+$',
    '^\\{.*"remote_addr":\\s*"<HOST>".*"status":\\s*"?401"?.*\\}$',
    '^\\s*\\S+ app\\[\\d+\\]: failed login for <F-USER>.*</F-USER> from <HOST>$',
  ])
    assert.deepEqual(found(text), [], text);
});

test('misdated() has nothing to say where a date does not fit into what a client writes', () => {
  assert.deepEqual(found('^auth: user=\\S+ ip=<HOST> time=$', '%Y-%m-%d %H:%M:%S'), []);
  assert.deepEqual(found('^auth: user=[a-z]+ ip=<HOST> time=$'), []);
});

test('misdated() has nothing to say where the datepattern is bound to its place', () => {
  const failregex = '^failed login for <F-USER>.*</F-USER> from <HOST> at $';
  assert.deepEqual(found(failregex, '({DATE})\\s*$'), []);
});

for (const [name, root] of [
  ['ours', ROOT],
  ["fail2ban's", STOCK],
] as const) {
  const skip = existsSync(join(root, 'filter.d')) ? false : `not there: ${root}`;
  test(`misdated() has nothing to say of ${name} filters`, { skip }, () => {
    const files = readdirSync(join(root, 'filter.d')).filter((file) => file.endsWith('.conf'));
    const wrong = files.flatMap((file) => {
      const loaded = loadFilter(diskTree(root), file.slice(0, -5), { backend: 'auto' });
      const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'warn', logtimezone: null }, []);
      const hit = filter === null ? null : misdated(filter);
      return hit === null ? [] : [`${file}: ${hit.proof}`];
    });
    assert.deepEqual(wrong, []);
  });
}
