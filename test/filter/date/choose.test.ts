import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choice, choose, countHits, makeChoice, undoHit } from '../../../src/filter/date/choose.ts';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { compileTemplate } from '../../../src/filter/date/template.ts';

const NOW = Date.UTC(2005, 7, 14, 10) / 1000;
const choiceOf = (...patterns: readonly string[]): Choice => makeChoice(patterns.map(compileTemplate));

/** The text of the date that is chosen. */
function chosen(choice: Choice, line: string): string | null {
  const found = choose(choice, { line, isAscii: true, hints: new Map() });
  return found?.match[0] ?? null;
}

test('choose() prefers the date that stands first, and what is bound to the beginning to that', () => {
  assert.equal(chosen(choiceOf('%H:%M', '%Y/%m'), '2005/08 10:00'), '2005/08');
  assert.equal(chosen(choiceOf('%Y/%m', '^x %H:%M'), 'x 10:00 2005/08'), 'x 10:00');
  assert.equal(chosen(choiceOf('%Y/%m', '%H:%M'), 'none'), null);
});

test('choose() chooses as if each line were the first', () => {
  const choice = choiceOf('%H:%M', '%Y/%m');
  for (let i = 0; i < 5; i++) chosen(choice, 'x 10:00 y');
  assert.equal(chosen(choice, 'x 2005/08 10:00'), '2005/08');
  assert.equal(chosen(choice, 'x 12:00 2005/08'), '12:00');
});

test("an attacker's date in the text does not displace the one at the line's beginning", () => {
  const dates = compileDates(null, 'UTC');
  for (const line of ['Aug 14 09:59:59 h sshd: x', 'Aug 14 09:59:59 h sshd: 1999-01-01 00:00:00 x'])
    assert.equal(findDate(dates, line, NOW)?.time, NOW - 1);
});

test('choose() counts hits by template', () => {
  const dates = compileDates(null, 'UTC');
  for (const line of ['Aug 14 08:00:00 x', 'Aug 14 08:00:00 y', '2005-08-14 08:00:00', 'none'])
    findDate(dates, line, NOW);
  assert.deepEqual(
    dates.choice.slots.map(({ hits }) => hits).filter((hits) => hits > 0),
    [1, 2],
  );
});

test('countHits() moves the last date, and undoHit() takes one hit back', () => {
  const choice = choiceOf('%H:%M');
  chosen(choice, 'x 10:00]');
  countHits(choice, { count: 3, shift: 4, atEnd: ' ', walled: null });
  const [slot] = choice.slots;
  assert.deepEqual([slot?.hits, slot?.distance, choice.last?.atEnd], [4, 6, ' ']);
  undoHit(choice);
  assert.equal(slot?.hits, 3);
});

test('countHits() and undoHit() do nothing before the first date', () => {
  const choice = choiceOf('%H:%M');
  countHits(choice, { count: 3, shift: 0, atEnd: '', walled: null });
  undoHit(choice);
  assert.equal(choice.slots[0]?.hits, 0);
});

test('makeChoice() says whether the templates are the default forms', () => {
  assert.equal(compileDates(null, null).choice.isDefault, true);
  assert.equal(compileDates('{DATE}x', null).choice.isDefault, false);
  assert.equal(compileDates('{DATE}x', null).choice.needsCore, true);
  assert.equal(choiceOf('%H:%M').needsCore, false);
});
