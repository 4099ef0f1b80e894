import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choice, choose, countHits, makeChoice, undoHit } from '../../../src/filter/date/choose.ts';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { compileTemplate } from '../../../src/filter/date/template.ts';

const NOW = Date.UTC(2005, 7, 14, 10) / 1000;
const choiceOf = (...patterns: readonly string[]): Choice => makeChoice(patterns.map(compileTemplate));

/** The text of the date that is chosen, as seen at `now`. */
function chosen(choice: Choice, line: string, now = NOW): string | null {
  const found = choose(choice, { line, isAscii: true, hints: new Map() }, now);
  return found?.match[0] ?? null;
}

const orderOf = ({ slots }: Choice): readonly string[] => slots.map(({ template }) => template.pattern);

test('choose() prefers the date that stands first, and what is bound to the beginning to that', () => {
  assert.equal(chosen(choiceOf('%H:%M', '%Y/%m'), '2005/08 10:00'), '2005/08');
  assert.equal(chosen(choiceOf('%Y/%m', '^x %H:%M'), 'x 10:00 2005/08'), 'x 10:00');
  assert.equal(chosen(choiceOf('%Y/%m', '%H:%M'), 'none'), null);
});

test('choose() tries the template that hit last before all others', () => {
  const choice = choiceOf('%H:%M', '%Y/%m');
  chosen(choice, '10:00 x');
  assert.equal(chosen(choice, '11:00 2005/08'), '11:00');
  assert.equal(chosen(choice, '2005/08 12:00'), '2005/08', 'further right than before');
});

test("an attacker's date in the text does not displace the one at the line's beginning", () => {
  const dates = compileDates(null, 'UTC');
  for (const line of ['Aug 14 09:59:59 h sshd: x', 'Aug 14 09:59:59 h sshd: 1999-01-01 00:00:00 x'])
    assert.equal(findDate(dates, line, NOW)?.time, NOW - 1);
});

test('a template that is used moves before those that are not', () => {
  const choice = choiceOf('%Y/%m', '%Y\\.%m', '%H:%M');
  chosen(choice, '10:00');
  assert.deepEqual(orderOf(choice), ['%H:%M', '%Y/%m', '%Y\\.%m']);
  assert.equal(choice.firstUnused, 1);
});

test('a template that hit more often, or last within five minutes, takes the place of the one before', () => {
  const choice = choiceOf('%Y/%m', '%H:%M');
  for (let i = 0; i < 5; i++) chosen(choice, '2005/08');
  chosen(choice, '10:00');
  assert.deepEqual(orderOf(choice), ['%Y/%m', '%H:%M']);
  const later = choiceOf('%Y/%m', '%H:%M');
  for (let i = 0; i < 5; i++) chosen(later, '2005/08');
  chosen(later, '10:00', NOW + 301);
  assert.deepEqual(orderOf(later), ['%H:%M', '%Y/%m']);
});

test('choose() counts hits by template', () => {
  const dates = compileDates(null, 'UTC');
  for (const line of ['Aug 14 08:00:00 x', 'Aug 14 08:00:00 y', '2005-08-14 08:00:00', 'none'])
    findDate(dates, line, NOW);
  assert.deepEqual(
    dates.choice.slots.map(({ hits }) => hits).filter((hits) => hits > 0),
    [2, 1],
  );
});

test('countHits() moves the last date, and undoHit() takes one hit back', () => {
  const choice = choiceOf('%H:%M');
  chosen(choice, 'x 10:00]');
  countHits(choice, NOW + 5, { count: 3, shift: 4, atEnd: ' ', walled: null });
  const [slot] = choice.slots;
  assert.deepEqual([slot?.hits, slot?.lastUsed, slot?.distance], [4, NOW + 5, 6]);
  assert.deepEqual([choice.last?.start, choice.last?.end, choice.last?.atEnd], [6, 11, ' ']);
  undoHit(choice);
  assert.equal(slot?.hits, 3);
});

test('countHits() and undoHit() do nothing before the first date', () => {
  const choice = choiceOf('%H:%M');
  countHits(choice, NOW, { count: 3, shift: 0, atEnd: '', walled: null });
  undoHit(choice);
  assert.equal(choice.slots[0]?.hits, 0);
});

test('makeChoice() says whether the templates are the default forms', () => {
  assert.equal(compileDates(null, null).choice.isDefault, true);
  assert.equal(compileDates('{DATE}x', null).choice.isDefault, false);
  assert.equal(compileDates('{DATE}x', null).choice.needsCore, true);
  assert.equal(choiceOf('%H:%M').needsCore, false);
});
