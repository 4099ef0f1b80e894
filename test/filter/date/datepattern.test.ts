import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { compileDates, DatePatternError, findDate, findStamp } from '../../../src/filter/date/datepattern.ts';

before(() => {
  process.env['TZ'] = 'Europe/Zurich';
});

/** 2005-08-14T10:00:00Z, noon in Zurich. */
const NOW = 1124013600;
const at = (iso: string): number => Date.parse(iso) / 1000;
const read = (
  line: string,
  pattern: string | null = null,
  now = NOW,
  zone: string | null = null,
): number | null => findDate(compileDates(pattern, zone), line, now)?.time ?? null;

const FORMS: readonly (readonly [text: string, iso: string])[] = [
  ['2005-08-14T11:59:59.981746', '2005-08-14T09:59:59Z'],
  ['2005-08-14 11:59:59,123+02:00', '2005-08-14T09:59:59Z'],
  ['2005/08/14  1:59:59', '2005-08-13T23:59:59Z'],
  ['2005.08.14 11:59:59', '2005-08-14T09:59:59Z'],
  ['Aug 14 11:59:59', '2005-08-14T09:59:59Z'],
  ['Sun Aug 14 11:59:59.011 2005', '2005-08-14T09:59:59Z'],
  ['Sun Aug 14 2005 11:59:59', '2005-08-14T09:59:59Z'],
  ['14/08/2005 11:59:59', '2005-08-14T09:59:59Z'],
  ['14-08-05 11:59:59', '2005-08-14T09:59:59Z'],
  ['14/Aug/2005:11:59:59 -0000', '2005-08-14T11:59:59Z'],
  ['14-Aug-2005 11:59:59.252', '2005-08-14T09:59:59Z'],
  ['08/14/2005:11:59:59', '2005-08-14T09:59:59Z'],
  ['08-14-2005 11:59:59.252', '2005-08-14T09:59:59Z'],
  ['1124013599', '2005-08-14T09:59:59Z'],
  ['11:59:59', '2005-08-14T09:59:59Z'],
  ['<08/14/05@11:59:59>', '2005-08-14T09:59:59Z'],
  ['050814 11:59:59', '2005-08-14T09:59:59Z'],
  ['Aug 14, 2005 11:59:59 AM', '2005-08-14T09:59:59Z'],
  ['Aug-14-05 11:59:59', '2005-08-14T09:59:59Z'],
  ['20050814T115959', '2005-08-14T09:59:59Z'],
  ['CEST Aug 14 11:59:59', '2005-08-14T09:59:59Z'],
  ['+01:00 Aug 14 11:59:59', '2005-08-14T10:59:59Z'],
  ['@4000000042ff161f00000000', '2005-08-14T09:59:59Z'],
];

test('findDate() reads every default form and answers exactly its span', () => {
  for (const [text, iso] of FORMS) {
    const found = findDate(compileDates(null, null), `${text} host daemon: text`, NOW);
    assert.deepEqual(found, { time: at(iso), start: 0, end: text.length }, text);
  }
});

test('findDate() finds a date in the middle of a line', () => {
  const line = '10.2.1.99 - - [23/Jun/2024 22:27:27] "GET / HTTP/1.1" 200 -';
  const found = findDate(compileDates(null, null), line, at('2024-06-23T20:30:00Z'));
  assert.deepEqual(found, { time: at('2024-06-23T20:27:27Z'), start: 15, end: 35 });
});

test('findDate() answers null where there is no date or no real one', () => {
  for (const line of [
    '',
    'no date',
    'Feb 30 10:00:00 x',
    '2005-13-01 10:00:00',
    '25:00:00 x',
    '2005-08-14 10:00:60',
  ]) {
    assert.equal(findDate(compileDates(null, null), line, NOW), null, line);
  }
  assert.deepEqual(findStamp(compileDates(null, null), 'Feb 30 10:00:00 x', NOW), {
    time: null,
    start: 0,
    end: 15,
  });
});

test('a line of the same second is read anew once a new year changes its meaning', () => {
  const dates = compileDates(null, null);
  const line = 'Jan  3 10:00:00 x';
  assert.equal(findDate(dates, line, at('2004-12-31T12:00:00Z'))?.time, at('2004-01-03T09:00:00Z'));
  assert.equal(findDate(dates, line, at('2005-01-03T12:00:00Z'))?.time, at('2005-01-03T09:00:00Z'));
});

test('logtimezone takes offsets, abbreviations and names, and a zone in the line wins over it', () => {
  const line = '2005-08-14 10:00:00';
  assert.equal(read(line, null, NOW, 'UTC+0530'), at('2005-08-14T04:30:00Z'));
  assert.equal(read(line, null, NOW, '-04:00'), at('2005-08-14T14:00:00Z'));
  assert.equal(read(line, null, NOW, 'MSK'), at('2005-08-14T07:00:00Z'));
  assert.equal(read(line, null, NOW, 'America/New_York'), at('2005-08-14T14:00:00Z'));
  assert.equal(read('2005-01-14 10:00:00', null, NOW, 'America/New_York'), at('2005-01-14T15:00:00Z'));
  assert.equal(read(`${line} +0200`, null, NOW, 'America/New_York'), at('2005-08-14T08:00:00Z'));
  assert.throws(() => compileDates(null, 'Europe/Atlantis'), DatePatternError);
});

test('group 1 of a custom pattern is what is cut', () => {
  const dates = compileDates('^stamp=(%Y-%m-%d) at (%H:%M)', null);
  assert.deepEqual(findDate(dates, 'stamp=2005-08-14 at 11:59 x', NOW), {
    time: at('2005-08-14T09:59:00Z'),
    start: 6,
    end: 16,
  });
  // The time is not in the cut text, and yet it counts on the next line.
  assert.equal(findDate(dates, 'stamp=2005-08-14 at 10:00 x', NOW)?.time, at('2005-08-14T08:00:00Z'));
});

test('{NONE} says now, or the last time that was found within a minute', () => {
  const dates = compileDates('^at %H:%M:%S\n{NONE}', null);
  assert.equal(findDate(dates, 'at 11:59:30 x', NOW)?.time, NOW - 30);
  assert.equal(findDate(dates, 'x', NOW)?.time, NOW - 30);
  assert.equal(findDate(dates, 'x', NOW + 100)?.time, NOW + 100);
  assert.deepEqual(findDate(compileDates('{NONE}', null), 'x', NOW), { time: NOW, start: 0, end: 0 });
});

test('a line that is not ASCII is read like any other', () => {
  assert.equal(read('Aug 14 11:59:59 h\u00f4te sshd: m\u00fcller'), NOW - 1);
  assert.equal(read('\u00e9t\u00e9 [14/Aug/2005:11:59:59] x'), NOW - 1);
});

test('a bad datepattern is refused with the place in its text', () => {
  const offsetOf = (pattern: string): number | null => {
    try {
      compileDates(pattern, null);
      return null;
    } catch (error) {
      if (error instanceof DatePatternError) return error.offset;
      throw error;
    }
  };
  assert.equal(offsetOf('^%Y-%Q'), 4);
  assert.equal(offsetOf('{^LN-BEG}\n  %Y (unclosed'), 15);
  assert.equal(offsetOf('%d/%m/%d'), 6);
  assert.equal(offsetOf('100%'), 3);
  assert.equal(offsetOf('%Y-%m-%d'), null);
});
