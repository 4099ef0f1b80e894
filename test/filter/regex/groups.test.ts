import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  agreementOf,
  certainGroups,
  keptGroups,
  referencedGroups,
} from '../../../src/filter/regex/groups.ts';
import { parsed } from './parsed.ts';

test('keptGroups() are those with a name and those that are referred to', () => {
  assert.deepEqual([...keptGroups(parsed('(a)(?P<x>b)(c)\\3(d)?(?(4)e)'))].sort(), [2, 3, 4]);
  assert.deepEqual([...referencedGroups(parsed('(a)(?P<x>b)(?P=x)').root)], [2]);
});

test('certainGroups() are set whichever way the node matched', () => {
  const certain = (pattern: string) => [...certainGroups(parsed(pattern).root)].sort();
  assert.deepEqual(certain('(a(b))(?>(c))'), [1, 2, 3]);
  assert.deepEqual(certain('(a)?(b)*(c)+(?:(d)){2}'), [3, 4]);
  assert.deepEqual(certain('(?:(a)|b)(?=(c))(?!(d))'), [2]);
  assert.deepEqual(certain('(a)?(?(1)(b)|(c))'), []);
});

test('agreementOf() trusts native captures where no loop can lose one', () => {
  for (const pattern of [
    '^(?P<user>\\w+) from (?P<ip>\\S+)$',
    '(?:a|b)*(?P<x>c)',
    '(?:(?P<x>a)b)+',
    '(?:(a)|b)*',
    '(?P<x>a)?(?(x)b|c)',
    '(?P<x>a)(?P=x)',
    '(?>a|ab)c',
  ])
    assert.equal(agreementOf(parsed(pattern)), 'all', pattern);
});

test('agreementOf() trusts a match but no capture where a loop may pass over a group or be empty', () => {
  for (const pattern of ['(?:(?P<x>a)|b)*', '(?:a?)*(?P<x>b)', '(?:(?P<x>a)?b)+', '(?<=(?P<x>a))b'])
    assert.equal(agreementOf(parsed(pattern)), 'match', pattern);
});

test('agreementOf() trusts nothing where what matches depends on a capture of an earlier turn', () => {
  for (const pattern of [
    '(?:(?P<x>a)|b(?P=x))*',
    '(?:(?(1)c|d)(?P<x>a))*',
    '(?P<x>a)?(?<=(?(x)a|b))c',
    '(?i)(?P<x>a)(?P=x)',
    '(?:(?P<x>a)|b)*(?P=x)',
    '(?>(?:a?)*)b',
  ])
    assert.equal(agreementOf(parsed(pattern)), 'nothing', pattern);
});
