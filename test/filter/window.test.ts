import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFailregex, matchText } from '../../src/filter/regex/failregex.ts';
import { matchedText, splitWindow, type WindowLine, wholeText } from '../../src/filter/window.ts';
import { run } from './filterof.ts';

test('over several lines, skipped ones do not count and matched ones leave the window', () => {
  const parts = { failregex: ['^ start (?P<id>\\d+)<SKIPLINES> fail (?P=id) <HOST>$'], maxlines: 3 };
  const at = '2024-06-23T22:29:50';
  const outcomes = run(parts, [
    `${at} start 7`,
    `${at} other`,
    `${at} fail 7 192.0.2.1`,
    `${at} fail 7 192.0.2.1`,
  ]);
  assert.deepEqual(
    outcomes.map(({ result }) => result),
    ['missed', 'missed', 'matched', 'missed'],
  );
  assert.deepEqual(outcomes[2]?.failures[0]?.matches, [`${at} start 7`, `${at} fail 7 192.0.2.1`]);
});

const piece = (before: string, date: string, after: string): WindowLine => ({ before, date, after });
const LINES = ['start', 'one', 'two', 'end', 'next'].map((text) => piece('', 'now', ` ${text}`));

/** The lines of a window that a match of the pattern spans, and the others. */
function split(pattern: string, lines: readonly WindowLine[] = LINES): readonly [string, string] {
  const regex = compileFailregex(pattern, { usedns: 'no', isMultiline: true });
  const text = matchedText(lines);
  const match = matchText(regex, text);
  assert.ok(match !== null, pattern);
  const { matched, unmatched } = splitWindow(lines, text, regex, match);
  const words = (some: readonly WindowLine[]): string => some.map(({ after }) => after.trim()).join(' ');
  return [words(matched), words(unmatched)];
}

test('wholeText() is the line as it was, matchedText() all lines without their dates', () => {
  assert.equal(wholeText(piece('<34>', 'Aug 14', ' x')), '<34>Aug 14 x');
  assert.equal(matchedText([piece('<34>', 'Aug 14', ' x'), piece('', 'Aug 14', ' y')]), '<34> x\n y\n');
  assert.equal(matchedText([piece('<34>', 'Aug 14', ' x')]), '<34> x\n');
});

test('splitWindow() answers the lines that a match spans, from whichever place in them', () => {
  assert.deepEqual(split('ne\\n t'), ['one two', 'start end next']);
  assert.deepEqual(split('^ one$'), ['one', 'start two end next']);
  assert.deepEqual(split('one\\n'), ['one', 'start two end next']);
  assert.deepEqual(split('next'), ['next', 'start one two end']);
  assert.deepEqual(split('(?s:.+)'), ['start one two end next', '']);
});

test('splitWindow() counts the lines that <SKIPLINES> took as unmatched', () => {
  assert.deepEqual(split('^ start$<SKIPLINES>^ end$'), ['start end', 'one two next']);
  assert.deepEqual(split('^ start$<SKIPLINES>^ two$<SKIPLINES>^ next$'), ['start two next', 'one end']);
});

test('splitWindow() counts lines without a text', () => {
  const lines = ['start', '', '', 'end', 'next'].map((text) => piece('', '', text));
  assert.deepEqual(split('^end$', lines), ['end', 'start   next']);
});

test('splitWindow() of one line has that one', () => {
  assert.deepEqual(split('start', LINES.slice(0, 1)), ['start', '']);
});
