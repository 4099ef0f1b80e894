import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fields, type FieldValue, readFields, spellValue } from '../../src/filter/fields.ts';
import { compileFailregex, matchText } from '../../src/filter/regex/failregex.ts';
import { idsOf, run } from './filterof.ts';

test('F-ALT_ fills what is empty, F-TUPLE_ makes the id a tuple', () => {
  const text = '2024-06-23T22:29:50 192.0.2.1 root';
  const alt = run({ failregex: ['<HOST> (?:x<F-USER>.</F-USER>|<F-ALT_USER_1>\\w+</F-ALT_USER_1>)$'] }, [
    text,
  ]);
  assert.equal(alt[0]?.failures[0]?.fields.get('user'), 'root');
  const tuple = run({ failregex: ['<F-ID><IP4></F-ID> <F-TUPLE_ID>\\w+</F-TUPLE_ID>$'] }, [text]);
  assert.deepEqual(idsOf(tuple), ["id ('192.0.2.1', 'root')"]);
  assert.equal(tuple[0]?.failures[0]?.fields.get('ip'), '192.0.2.1');
});

/** The fields of a text, over inherited ones. */
function fieldsOf(
  pattern: string,
  text: string,
  inherited: Fields | null = null,
): Record<string, FieldValue> {
  const regex = compileFailregex(pattern, { usedns: 'no', isMultiline: false });
  const match = matchText(regex, `${text}\n`);
  assert.ok(match !== null, pattern);
  return Object.fromEntries(readFields(regex, match, inherited));
}

test('readFields() leaves out groups that were not set, and keeps those that are empty', () => {
  assert.deepEqual(fieldsOf('(?P<a>x)?(?P<b>y*)z', 'z'), { b: '' });
});

test('a group without a part in the match hides nothing of what is inherited', () => {
  const inherited: Fields = new Map([
    ['a', 'old'],
    ['b', 'old'],
    ['c', 'old'],
  ]);
  assert.deepEqual(fieldsOf('(?P<a>x)?(?P<b>y)', 'y', inherited), { a: 'old', b: 'y', c: 'old' });
  assert.equal(inherited.get('b'), 'old');
});

test('an address replaces the inherited one whole, of whatever family', () => {
  const inherited: Fields = new Map([['ip4', '192.0.2.1']]);
  assert.deepEqual(fieldsOf('^(?:from <ADDR> )?failure$', 'failure', inherited), { ip4: '192.0.2.1' });
  assert.deepEqual(fieldsOf('^(?:from <ADDR> )?failure$', 'from 2001:db8::1 failure', inherited), {
    ip6: '2001:db8::1',
  });
});

test('the first F-ALT_ that is set fills what is empty, in the order of their names', () => {
  const pattern = '<F-USER>\\w*</F-USER>,<F-ALT_USER_2>\\w*</F-ALT_USER_2>,<F-ALT_USER_1>\\w*</F-ALT_USER_1>';
  assert.equal(fieldsOf(pattern, ',b,a')['user'], 'a');
  assert.equal(fieldsOf(pattern, ',b,')['user'], 'b');
  assert.equal(fieldsOf(pattern, 'c,b,a')['user'], 'c');
});

test('F-TUPLE_ puts the values of several groups into one, null for one that was unset', () => {
  const pattern = '<F-ID>a</F-ID><F-TUPLE_ID_1>b</F-TUPLE_ID_1>(?:<F-TUPLE_ID_2>c</F-TUPLE_ID_2>)?';
  assert.deepEqual(fieldsOf(pattern, 'ab')['fid'], ['a', 'b', null]);
});

test('spellValue() spells a tuple as Python does', () => {
  assert.equal(spellValue('a'), 'a');
  assert.equal(spellValue(['a', null]), "('a', None)");
  assert.equal(spellValue(["it's", 'say "x"']), `("it's", 'say "x"')`);
  assert.equal(spellValue([`'"`, 'a\\b']), `('\\'"', 'a\\\\b')`);
});
