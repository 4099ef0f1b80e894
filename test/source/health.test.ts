import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alarmsOf, type JailHealth, type SourceHealth } from '../../src/source/health.ts';

const source = (more: Partial<SourceHealth>, jail: Partial<JailHealth> = {}): SourceHealth => ({
  state: 'reading',
  trouble: null,
  openedAt: 1000,
  lastLine: 1000,
  bytes: 1,
  lag: 0,
  waitingSince: null,
  errors: 0,
  cutLines: 0,
  skippedBytes: 0,
  rotations: 0,
  truncations: 0,
  lostFiles: 0,
  jails: { sshd: { lastMatch: null, sampled: 500, dated: 500, prefixed: 500, stuck: [], ...jail } },
  ...more,
});

test('alarmsOf() is silent about a source that is well', () => {
  assert.deepEqual(alarmsOf('/log', source({}), 2000), []);
});

test("alarmsOf() tells silence, trouble, lag, and a format that is no longer the filter's", () => {
  const tells = (one: SourceHealth, now: number, wanted: RegExp): void => {
    assert.match(alarmsOf('/log', one, now).join('\n'), wanted);
  };
  tells(source({}), 1000 + 2 * 86400, /^\/log: no line for 2d$/);
  tells(source({ lastLine: null }), 1000 + 90000, /^\/log: no line for 1d 1h$/);
  tells(source({ state: 'waiting', trouble: 'does not exist' }), 2000, /^\/log: does not exist$/);
  tells(source({ lag: 1e9 }), 2000, /1000000000 bytes wait/);
  tells(
    source({ lag: 7, waitingSince: 1100 }),
    1700,
    /^\/log: 7 bytes wait to be read for 10m, and none of them was$/,
  );
  assert.deepEqual(alarmsOf('/log', source({ lag: 7, waitingSince: 1100 }), 1200), []);
  tells(source({}, { dated: 0 }), 2000, /\[sshd\] none of 500 sampled lines has a date/);
  tells(source({}, { prefixed: 0 }), 2000, /\[sshd\] prefregex matched none of 500/);
  const stuck = { regex: 2, text: '^x$', from: 250, strikes: 3, skipped: 9, line: 'x', last: 1 };
  tells(
    source({}, { stuck: [stuck] }),
    2000,
    /\[sshd\] failregex 3: too slow on 3 lines, in quarantine for lines of 250 characters and more \(9 skipped\)/,
  );
  assert.deepEqual(alarmsOf('/log', source({}, { stuck: [{ ...stuck, from: null }] }), 2000), []);
  assert.deepEqual(alarmsOf('/log', source({}, { sampled: 50, dated: 0 }), 2000), []);
});
