import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf, momentOf } from '../../../src/filter/date/time.ts';
import type { Zone } from '../../../src/filter/date/zone.ts';
import { dice } from '../../testbed/dice.ts';

const UTC: Zone = { kind: 'fixed', seconds: 0 };
/** 2005-08-14, a Sunday. */
const NOW = Date.UTC(2005, 7, 14, 10) / 1000;
const at = (iso: string): number => Date.parse(iso) / 1000;

/** What fields such as `Y=2005 m=8` say, epoch seconds. */
function read(fields: string, now = NOW, zone = UTC): number | null {
  const found = fields.split(' ').map((field): [string, string] => [field.slice(0, 1), field.slice(2)]);
  return momentOf(found, zone, now)?.time ?? null;
}

test('dayOf() counts the days since 1970 as Date does', () => {
  for (const year of [1, 1600, 1900, 1969, 1970, 2000, 2004, 2100])
    for (let month = 1; month <= 12; month++) {
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, 28);
      assert.equal(dayOf(year, month, 28), date.getTime() / 86_400_000);
    }
});

test('momentOf() reads a whole date in the zone, and in that of its own text', () => {
  const date = 'Y=2005 m=8 d=14 H=11 M=59 S=59';
  assert.equal(read(date), at('2005-08-14T11:59:59Z'));
  assert.equal(read(date, NOW, { kind: 'fixed', seconds: 7200 }), at('2005-08-14T09:59:59Z'));
  assert.equal(read(`${date} z=-0330`), at('2005-08-14T15:29:59Z'));
  assert.equal(read(`${date} z=Atlantis`), null);
});

test('momentOf() reads names of months and years of two digits', () => {
  assert.equal(read('y=05 b=aug d=14'), at('2005-08-14T00:00:00Z'));
  assert.equal(read('y=99 b=August d=14'), at('2099-08-14T00:00:00Z'));
});

test('momentOf() answers null where there is no such date', () => {
  for (const fields of [
    'Y=2005 m=2 d=29',
    'Y=2005 m=13 d=1',
    'Y=2005 m=4 d=31',
    'Y=2005 m=12 d=32',
    'Y=2005 m=0 d=1',
    'Y=10000 m=1 d=1',
    'Y=2005 m=8 d=14 H=24',
    'Y=2005 m=8 d=14 M=60',
    'Y=2005 m=8 d=14 S=60',
    'Y=0 m=8 d=14',
    'Y=x m=8 d=14',
  ])
    assert.equal(read(fields), null, fields);
  assert.equal(read('Y=2004 m=2 d=29'), at('2004-02-29T00:00:00Z'));
  assert.equal(read('Y=2005 m=12 d=31'), at('2005-12-31T00:00:00Z'));
  assert.equal(read('Y=9999 m=12 d=31'), at('9999-12-31T00:00:00Z'));
  assert.equal(read('Y=1 m=1 d=1'), at('0001-01-01T00:00:00Z'));
});

test('momentOf() answers null where the month or the day alone is missing', () => {
  assert.equal(read('Y=2005 m=7'), null);
  assert.equal(read('d=13 H=10'), null);
});

test('momentOf() reads twelve hours with AM and PM, and without either as AM', () => {
  const hour = (fields: string): number => ((read(`Y=2005 m=8 d=14 ${fields}`) ?? 0) % 86400) / 3600;
  assert.deepEqual(['I=12 p=AM', 'I=12 p=PM', 'I=1 p=pm', 'I=11 p=am', 'I=12'].map(hour), [0, 12, 13, 11, 0]);
});

test('a date without year is of this year, or of the last when it would be over a day ahead', () => {
  assert.equal(read('b=aug d=15 H=10'), at('2005-08-15T10:00:00Z'));
  assert.equal(read('b=aug d=15 H=10 S=1'), at('2004-08-15T10:00:01Z'));
  assert.equal(read('b=dec d=31 H=23', at('2005-12-31T22:30:00Z')), at('2005-12-31T23:00:00Z'));
  assert.equal(read('b=jan d=1', at('2005-12-31T22:30:00Z')), at('2005-01-01T00:00:00Z'));
  assert.equal(read('b=feb d=29'), null);
});

test('a time without day is of today, or of yesterday when it would be ahead', () => {
  assert.equal(read('H=10 M=0 S=0'), NOW);
  assert.equal(read('H=10 M=0 S=1'), at('2005-08-13T10:00:01Z'));
});

test('today is the day in the zone of the log', () => {
  assert.equal(read('H=21', NOW, { kind: 'fixed', seconds: 43_200 }), at('2005-08-14T09:00:00Z'));
  assert.equal(read('H=6 z=-0400'), NOW);
});

test('a year alone means today in that year', () => {
  assert.equal(read('Y=2004'), at('2004-08-14T00:00:00Z'));
});

test('weeks and weekdays, and days of the year, are those of strptime(3)', () => {
  assert.equal(read('Y=2005 U=33 a=sun'), at('2005-08-14T00:00:00Z'));
  assert.equal(read('Y=2005 W=33 a=Sunday'), at('2005-08-21T00:00:00Z'));
  assert.equal(read('Y=2005 U=00 w=6'), at('2005-01-01T00:00:00Z'));
  assert.equal(read('Y=2005 j=226'), at('2005-08-14T00:00:00Z'));
  assert.equal(read('Y=2005 U=33'), at('2005-08-14T00:00:00Z'), 'a week without its day says nothing');
});

test('a weekday beside a date is not minded', () => {
  assert.equal(read('a=mon Y=2005 m=8 d=14'), at('2005-08-14T00:00:00Z'));
});

test('law: until `until` the same text means the same', () => {
  const roll = dice(7);
  const forms = ['H=%h M=30', 'b=%b d=15 H=%h', 'Y=2005 m=8 d=15 H=%h', 'a=sun b=%b d=7'];
  for (let round = 0; round < 3000; round++) {
    const fields = (forms[roll(forms.length)] ?? '')
      .replace('%h', String(roll(24)))
      .replace('%b', ['jan', 'aug', 'dec'][roll(3)] ?? '')
      .split(' ')
      .map((field): [string, string] => [field.slice(0, 1), field.slice(2)]);
    const zone: Zone = { kind: 'fixed', seconds: (roll(27) - 12) * 3600 };
    const now = NOW + roll(400 * 86400);
    const moment = momentOf(fields, zone, now);
    if (moment === null) continue;
    const span = Math.min(moment.until, now + 40 * 86400) - now;
    if (span < 1) continue;
    const later = momentOf(fields, zone, now + roll(span));
    assert.equal(later?.time, moment.time, `${fields.join(' ')} at ${now}`);
  }
});

test('isSteady is false where clocks are changed within a day', () => {
  const change = NOW - 3600;
  const zone: Zone = { kind: 'rules', offsetAt: (instant) => (instant < change ? 3600 : 7200) };
  const found = (fields: readonly (readonly [string, string])[]) => momentOf(fields, zone, NOW)?.isSteady;
  assert.equal(found([['H', '9']]), false);
  assert.equal(
    found([
      ['Y', '2005'],
      ['m', '8'],
      ['d', '1'],
    ]),
    true,
  );
});
