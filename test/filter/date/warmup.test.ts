import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { warmUpDates } from '../../../src/filter/date/warmup.ts';

test('warmUpDates() learns nothing from the text', () => {
  for (const text of ['2005-08-14 10:00:00 x', 'é 2005-08-14 10:00:00', '中 2005-08-14 10:00:00']) {
    const dates = compileDates(null, 'UTC');
    warmUpDates(dates, text);
    assert.equal(dates.choice.last, null);
    assert.ok(dates.choice.slots.every(({ hits }) => hits === 0));
    assert.equal(findDate(dates, text, 1124013600)?.time, 1124013600);
  }
});
