import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Plan, planOf } from '../../../src/filter/fast/plan.ts';
import { type FilterParts, filterOf } from '../filterof.ts';

const planFor = (parts: FilterParts): Plan | null => planOf(filterOf(parts));

function planned(parts: FilterParts): Plan {
  const plan = planFor(parts);
  assert.ok(plan !== null);
  return plan;
}

const behind = (prefregex: string): Plan => planned({ prefregex, failregex: ['^refused <HOST>$'] });

test('planOf() is null for several lines, other ids than addresses, and regexes that need a walk', () => {
  const none: readonly FilterParts[] = [
    { failregex: ['<HOST>'], maxlines: 2 },
    { failregex: ['<F-ID>\\w+</F-ID>'] },
    { failregex: ['<SUBNET>'] },
    { failregex: ['<HOST> (?:(?P<user>\\w+)|x)*$'] },
    { failregex: ['<HOST> <F-ALT_HOST>\\w+</F-ALT_HOST>'] },
    { failregex: ['<F-TUPLE_ID>\\w+</F-TUPLE_ID> <HOST>'] },
    { failregex: ['<HOST>'], ignoreregex: ['(?i)(a)\\1'] },
    { prefregex: '^<F-USER>\\w+</F-USER> <F-CONTENT>.+</F-CONTENT>$', failregex: ['<HOST>'] },
    {
      prefregex: '^<F-MLFID>\\w+</F-MLFID> <F-CONTENT>.+</F-CONTENT>$',
      failregex: ['(?:<F-MLFID>\\w+</F-MLFID> )?<HOST>'],
    },
  ];
  for (const parts of none) assert.equal(planFor(parts), null, JSON.stringify(parts));
  assert.notEqual(
    planFor({ failregex: ['<HOST> <F-USER>\\w+</F-USER> <F-ALT_USER>\\w+</F-ALT_USER>'] }),
    null,
  );
});

test('a failregex says who failed, in which session, and whether in an odd way', () => {
  const { regexes, hasSessions, hasPrefixId } = planned({
    failregex: [
      '^refused <HOST>$',
      '^<F-MLFID>\\d+</F-MLFID> bad$',
      '^refused <IP6>$',
      '^<HOST> <F-ALT_USER_1>\\w+</F-ALT_USER_1>$',
    ],
  });
  assert.deepEqual(
    regexes.map(({ hasId, hasSession, isOdd }) => [hasId, hasSession, isOdd]),
    [
      [true, false, false],
      [false, true, false],
      [true, false, true],
      [true, false, true],
    ],
  );
  assert.deepEqual([hasSessions, hasPrefixId], [true, false]);
});

test('a prefregex may say who failed, and in which session', () => {
  const { hasPrefixId, hasPrefixSession, hasSessions } = behind(
    '^<F-MLFID>\\d+</F-MLFID> at <HOST>: <F-CONTENT>.+</F-CONTENT>$',
  );
  assert.deepEqual([hasPrefixId, hasPrefixSession, hasSessions], [true, true, true]);
  const { regexes } = planned({
    prefregex: '^<HOST>: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^bad(?: <HOST>)?$', '^refused$'],
  });
  assert.deepEqual(
    regexes.map((one) => one.isOdd),
    [true, false],
    'two addresses count together',
  );
});

test('the head of a prefregex is searched alone where that says all', () => {
  const tail = behind('^ sshd\\[\\d+\\]: <F-CONTENT>.+</F-CONTENT>$');
  assert.ok(tail.head !== null && tail.searched === tail.head && tail.isContentTail);
  assert.equal(tail.head.native.exec(' sshd[7]: x\n')?.[0], ' sshd[7]: ');
  for (const prefregex of [
    '^ sshd: <F-CONTENT>\\S+</F-CONTENT>$',
    '^ sshd: <F-CONTENT>.+?</F-CONTENT>$',
    '^ sshd: <F-CONTENT>.*</F-CONTENT>$',
    '^ <HOST>: <F-CONTENT>.+</F-CONTENT>$',
  ]) {
    const { head, searched, prefix, isContentTail } = behind(prefregex);
    assert.ok(head === null && searched === prefix?.search && isContentTail, prefregex);
  }
  assert.equal(behind('^ sshd: <F-CONTENT>.+</F-CONTENT> end$').isContentTail, false);
});

test('isIdFirst where prefregex begins with the id of the session', () => {
  assert.equal(behind('^<F-MLFID>sshd\\[\\d+\\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$').isIdFirst, true);
  assert.equal(behind('^ <F-MLFID>sshd</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$').isIdFirst, false);
  assert.equal(behind('<F-MLFID>sshd</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$').isIdFirst, false);
});

test('searches are all that may be compiled, each failregex in a region of its own', () => {
  const { searches, regexes } = planned({
    prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT>$',
    failregex: ['^a <HOST>$', '^b <HOST>$'],
    ignoreregex: ['c', 'd'],
  });
  assert.equal(searches.length, 1 + 1 + 2 + 2);
  assert.equal(new Set(regexes.map(({ search }) => search.region)).size, 2);
  assert.ok(searches.every(({ region }) => region >= 0));
});
