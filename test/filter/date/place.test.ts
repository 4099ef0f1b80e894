import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { isAhead, servicePlace } from '../../../src/filter/date/place.ts';

const NOW = Date.UTC(2026, 10, 30, 20, 0, 30) / 1000;
const TIME = Date.UTC(2026, 10, 30, 20) / 1000;
const STAMP = '30/Nov/2026:20:00:00 +0000';

/** The text at the place where the service writes its date. */
function textAt(line: string): string | null {
  const place = servicePlace(line);
  return place === null ? null : line.slice(place.start, place.end);
}

test('servicePlace() is the bracket before the request of an access line', () => {
  for (const user of ['-', 'bob', '20200101T000000', '[01/Jan/2020:00:00:00 +0000]', 'x\\"] \\"', '] [']) {
    assert.equal(textAt(`192.0.2.7 - ${user} [${STAMP}] "GET / HTTP/1.1" 401 -`), STAMP, user);
  }
  assert.equal(
    textAt(`1577836800:443 192.0.2.7 - - [${STAMP}] "GET /[01/Jan/2020:00:00:00] "x" 404 1`),
    STAMP,
  );
});

test('servicePlace() is the time of a JSON line, not a text of a client in it', () => {
  const stamp = '2026-11-30T20:00:00Z';
  assert.equal(textAt(`{"user":"\\"time\\":\\"2020-01-01T00:00:00Z","time":"${stamp}"}`), stamp);
  assert.equal(textAt(`{"path":"/2020-01-01T00:00:00Z","ts":1796068800.5}`), '1796068800.5');
  assert.equal(textAt('{"path":"/2020-01-01T00:00:00Z"}'), null);
});

test('servicePlace() knows nothing of other lines', () => {
  assert.equal(servicePlace('Nov 30 20:00:00 host sshd[1]: Failed password for x from 192.0.2.7'), null);
  assert.equal(servicePlace('t=2026-11-30 msg="a" error="[2020-01-01T00:00:00Z] " x'), null);
});

test('isAhead() takes the date of syslog, not a virtual host that looks like one', () => {
  assert.ok(isAhead('Nov 30 20:00:00 192.0.2.1 nginx: 192.0.2.7 - - [', 0, 15));
  assert.ok(!isAhead('2020-01-01T00:00:00Z:80 192.0.2.7 - - [', 0, 20));
  assert.ok(!isAhead('1577836800 192.0.2.7 - - [', 0, 10));
});

test("findDate() reads the service's date, whatever clients wrote into this line and those before", () => {
  const dates = compileDates(null, 'UTC');
  for (let round = 0; round < 3; round++) {
    for (const user of [
      '20200101T000000',
      '2020-01-01T00:00:00Z',
      '@4000000037c219bf2ef02e94',
      '1577836800',
    ]) {
      const line = `192.0.2.7 - ${user} [${STAMP}] "GET / HTTP/1.1" 401 -`;
      assert.deepEqual(findDate(dates, line, NOW), {
        time: TIME,
        start: line.indexOf(STAMP),
        end: line.indexOf(']'),
      });
    }
  }
});

test("a bracketed date of the same minute in the user name is not taken for the service's", () => {
  const dates = compileDates(null, 'UTC');
  const line = (user: string): string => `192.0.2.7 - ${user} [${STAMP}] "GET / HTTP/1.1" 401 -`;
  for (const user of ['-', `[${STAMP}]`, '[30/Nov/2026:20:00:07 +0000]', '-']) {
    const text = line(user);
    assert.equal(findDate(dates, text, NOW)?.start, text.lastIndexOf(STAMP), user);
  }
});
