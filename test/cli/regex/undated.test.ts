import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUndated } from '../../../src/cli/regex/undated.ts';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';

const NOW = Date.UTC(2026, 10, 20) / 1000;
const told = (line: string, pattern: string | null = null): readonly string[] =>
  explainUndated(compileDates(pattern, 'UTC'), line, NOW);

test('explainUndated() offers a datepattern for months of other languages, which reads them', () => {
  const cases = [
    ['Mär  9 14:29:29 host x', 'Mär', Date.UTC(2026, 2, 9, 14, 29, 29)],
    ['févr. 12 10:11:12 host x', 'févr.', Date.UTC(2026, 1, 12, 10, 11, 12)],
    ['192.0.2.5 - - [30/Okt/2026:20:10:00 +0000] "GET', 'Okt', Date.UTC(2026, 9, 30, 20, 10)],
    ['12 янв 2026', null, 0],
  ] as const;
  for (const [line, name, time] of cases) {
    const [near = '', hint = ''] = told(line);
    if (name === null) {
      assert.equal(hint, '', line);
      continue;
    }
    assert.equal(near.indexOf('^'), line.indexOf(name), line);
    assert.ok(near.endsWith(`wants a month in English, meets "${name}"`), near);
    const pattern = /--datepattern '(.*)'/.exec(hint)?.[1] ?? '';
    assert.equal(findDate(compileDates(pattern, 'UTC'), line, NOW)?.time, time / 1000, line);
  }
});

test('explainUndated() says where the nearest form broke off, of those that were tried', () => {
  const [near = ''] = told('x 2026-11-20T10h04 foo');
  assert.equal(near.indexOf('^'), 'x 2026-11-20T10'.length);
  assert.match(near, /, wants ":", meets "h04 foo"$/);
  const [own = ''] = told('20.11.2026 10:04', '^%d\\.%m\\.%Y_%H');
  assert.match(own, /^ {10}\^ the nearest form, .*, wants "_", meets " 10:04"$/);
  assert.deepEqual(told('nothing here'), []);
});
