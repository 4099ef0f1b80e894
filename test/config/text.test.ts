import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFilter } from '../../src/config/readfilter.ts';
import { joinPieces, linesOf, partsOf, textAt } from '../../src/config/text.ts';
import { treeOf } from './loading.ts';

test('a line of a regex is cited where it is written, through variables and tags', () => {
  const { filter } = loadFilter(
    treeOf({
      'filter.d/a.conf': `[Definition]
_list = ^one <HOST>$
        ^two <HOST>$
mdre-normal =
mdre-more = ^more <HOST>$
failregex = %(_list)s
            <mdre-<mode>>
            ^pre %(_word)s <HOST>$
_word = word
mode = normal
`,
    }),
    'a[mode=more]',
  );
  assert.deepEqual(
    filter?.failregex.map(({ text, place }) => [text, place.line]),
    [
      ['^one <HOST>$', 2],
      ['^two <HOST>$', 3],
      ['^more <HOST>$', 5],
      ['^pre word <HOST>$', 8],
    ],
  );
});

const A = { file: 'a', line: 1 };
const B = { file: 'b', line: 2 };

test('partsOf() gives every part the places of its lines', () => {
  const text = { text: 'one\ntwo', places: [A, B] };
  assert.deepEqual(partsOf(text, ['on', 'e\nt', 'wo']), [
    { text: 'on', places: [A] },
    { text: 'e\nt', places: [A, B] },
    { text: 'wo', places: [B] },
  ]);
});

test('joinPieces() leaves a line where it is written, and one that is all put in where that was', () => {
  const own = { text: textAt('x ', A), isOwn: true };
  const put = { text: textAt('y', B), isOwn: false };
  assert.deepEqual(joinPieces([own, put], A), { text: 'x y', places: [A] });
  assert.deepEqual(joinPieces([put], A), { text: 'y', places: [B] });
});

test('linesOf() leaves out empty lines and keeps the places of the others', () => {
  assert.deepEqual(linesOf({ text: '\nx', places: [A, B] }), [{ text: 'x', place: B }]);
});
