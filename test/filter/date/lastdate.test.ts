import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compileDates,
  countRepeat,
  type Dates,
  findRepeat,
  findStamp,
  newDate,
} from '../../../src/filter/date/datepattern.ts';
import { dice } from '../../testbed/dice.ts';

const hitsOf = ({ choice }: Dates) =>
  choice.slots.filter(({ hits }) => hits > 0).map(({ template, hits }) => ({ name: template.name, hits }));

const FORMS = [
  'Aug 14 10:MM:SS host sshd[7]: x',
  'Aug 14 10:MM:SS.FFF host sshd[7]: x',
  'Sun Aug 14 10:MM:SS 2005 x',
  '[Sun Aug 14 10:MM:SS.FFFFFF 2005] [error] x',
  '2005-08-14T10:MM:SS.FFFFFF+02:00 host x',
  '2005-08-14 10:MM:SS,FFF host x',
  '2005-08-14T10:MM:SSZ host x',
  '2005-08-14 10:MM:SS+02 host x',
  '2005-08-14 10:MM:SS+02:00 host x',
  '2005/08/14 10:MM:SS [error] x',
  '192.0.2.7 - - [14/Aug/2005:10:MM:SS +0200] "GET / HTTP/1.1" 401',
  'name 192.0.2.7 [14/Aug/2005 10:MM:SS] "GET 12:34:56"',
  '10:MM:SS x',
  '<08/14/05@10:MM:SS> x',
  '050814 10:MM:SS x',
  'Aug 14, 2005 10:MM:SS AM x',
  '20050814T10MMSS x',
  '1124013600.FFF x',
  '<34>Aug 14 10:MM:SS host x',
  // In Berlin clocks went back on this day, and forward on that.
  '2005-10-30 02:MM:SS x',
  'Oct 30 02:MM:SS x',
  '2005-03-27 02:MM:SS x',
];

const AT = [Date.UTC(2005, 7, 14, 8, 30), Date.UTC(2005, 9, 30, 1, 20), Date.UTC(2006, 0, 1, 0, 0, 5)];

test('law: dates that differ in their seconds are read as if each were the first', () => {
  const roll = dice(17);
  const digits = (count: number): string => Array.from({ length: count }, () => roll(10)).join('');
  let followed = 0;
  for (let round = 0; round < 400; round++) {
    const zone = ['UTC', 'Europe/Berlin', 'America/New_York'][roll(3)] ?? '';
    const form = FORMS[roll(FORMS.length)] ?? '';
    const [quick, plain] = [compileDates(null, zone), compileDates(null, zone)];
    let now = (AT[roll(AT.length)] ?? 0) / 1000;
    let minute = roll(60);
    for (let step = 0; step < 40; step++) {
      if (roll(6) === 0) minute = roll(60);
      if (roll(10) === 0) now += roll(200) - 40;
      const seconds = roll(20) === 0 ? '60' : String(roll(60)).padStart(2, '0');
      const line = (roll(30) === 0 ? (FORMS[roll(FORMS.length)] ?? '') : form)
        .replace('MM', String(minute).padStart(2, '0'))
        .replace('SS', seconds)
        .replace(/F+/, (all) => digits(roll(20) === 0 ? roll(9) : all.length))
        .replace(/x$/, roll(15) === 0 ? '2004 x' : 'x');
      plain.head = null;
      plain.walled = null;
      const wanted = findStamp(plain, line, now);
      const place = { codes: Buffer.from(`before\n${line}\n`), start: 7, end: 7 + line.length };
      const found = { start: 0, end: 0, time: 0, text: null };
      if (roll(3) > 0 && findRepeat(quick, place, now, found)) {
        if (found.text !== null) followed++;
        const text = newDate(quick, found);
        countRepeat(quick, place, found);
        const { start, end, time } = found;
        assert.deepEqual({ time, start: start - 7, end: end - 7 }, wanted, `${line} at ${now} in ${zone}`);
        if (text !== null) assert.equal(text, line.slice(start - 7, end - 7));
        quick.lastTime = found.time;
      } else {
        assert.deepEqual(findStamp(quick, line, now), wanted, `${line} at ${now} in ${zone}`);
      }
      assert.deepEqual(hitsOf(quick), hitsOf(plain), line);
      assert.deepEqual(quick.choice.last, plain.choice.last, line);
    }
  }
  assert.ok(followed > 1000);
});
