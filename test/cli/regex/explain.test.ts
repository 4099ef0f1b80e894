import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../../src/base/errors.ts';
import { explainMiss } from '../../../src/cli/regex/explain.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { compileDates } from '../../../src/filter/date/datepattern.ts';

const place = { file: 'test', line: 1 };

/** The line with a `|` where the regex stopped, and the part that it wanted. */
function explained(
  line: string,
  failregex: readonly string[],
  prefregex: string | null = null,
): string | null {
  const problems: Problem[] = [];
  const filter = compileFilter(
    {
      name: 'test',
      prefregex: prefregex === null ? null : { text: prefregex, place },
      failregex: failregex.map((text) => ({ text, place })),
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    },
    { usedns: 'warn', logtimezone: null },
    problems,
  );
  assert.ok(filter, JSON.stringify(problems));
  const miss = explainMiss(filter, compileDates(null, null), line, 1124013600);
  if (miss === null) return null;
  const who = miss.regex === null ? 'prefregex' : String(miss.regex + 1);
  return `${line.slice(0, miss.at)}|${line.slice(miss.at)} ${who} ${miss.isNowhere ? 'nowhere ' : ''}${miss.part}`;
}

test('explainMiss() points at the first letter that differs', () => {
  assert.equal(
    explained('login failure for ann', ['^login failed for <HOST>']),
    'login fail|ure for ann 1 ed for ',
  );
});

test('explainMiss() chooses the regex that got furthest', () => {
  const regexes = ['^nothing <HOST>', '^login failed <HOST> now$', '^login <HOST>'];
  assert.equal(explained('login failed 192.0.2.7 then', regexes), 'login failed 192.0.2.7 |then 2 now');
});

test('explainMiss() names a tag as it is written', () => {
  assert.equal(explained('from !!! port 1', ['^from <ADDR> port']), 'from |!!! port 1 1 <ADDR>');
});

test('explainMiss() says of what may stand anywhere that it stands nowhere', () => {
  assert.equal(
    explained('192.0.2.7 - HEAD / x', ['^<HOST> - .+(GET|POST)']),
    '192.0.2.7 - |HEAD / x 1 nowhere (GET|POST)',
  );
});

test('explainMiss() looks into the branch that got furthest', () => {
  assert.equal(
    explained('user ann unknown to us', ['^user \\w+ (?:is locked|unknown here) <HOST>']),
    'user ann unknown |to us 1 here',
  );
});

test('explainMiss() counts the date as a part of the line though no regex sees it', () => {
  assert.equal(explained('Aug 14 10:00:00 host x', ['^ host y <HOST>']), 'Aug 14 10:00:00 host |x 1 y ');
  assert.equal(
    explained('a [2005-08-14 10:00:00] b', ['^a \\[\\] c <HOST>']),
    'a [2005-08-14 10:00:00] |b 1 c ',
  );
});

test('explainMiss() speaks of prefregex when that fails, and else of what it leaves', () => {
  const prefix = '^app: <F-CONTENT>.+</F-CONTENT>$';
  assert.equal(explained('web: bad', ['^bad <HOST>'], prefix), '|web: bad prefregex app: ');
  assert.equal(explained('app: bed 192.0.2.7', ['^bad <HOST>'], prefix), 'app: b|ed 192.0.2.7 1 ad ');
});

test('explainMiss() points at the end of a line that is too short', () => {
  assert.equal(explained('bad', ['^bad <HOST>']), 'bad| 1  ');
});

test('explainMiss() says nothing where a regex matches, or where finding out would take too long', () => {
  assert.equal(explained('bad 192.0.2.7', ['^bad <HOST>']), null);
  assert.equal(explained('x'.repeat(5000), ['^bad <HOST>']), null);
  assert.equal(explained(`${'a'.repeat(3000)}!`, ['^(?:a+)+b <HOST>']), null);
});
